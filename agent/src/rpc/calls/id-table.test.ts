import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idTableSlots } from '../defaults.ts'
import { IdTable } from './id-table.ts'

it('IdTable holds what a map would hold, whatever ids collide', () => {
  const id = fc.oneof(
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 1, max: 8 }).map(n => n * idTableSlots),
    fc.integer({ min: 0xffff_fff0, max: 0xffff_ffff }),
  )
  fc.assert(
    fc.property(fc.array(id, { maxLength: 60 }), ids => {
      const table = new IdTable<{ id: number }>()
      const model = new Map<number, { id: number }>()
      for (const id of ids) {
        const known = table.get(id)
        expect(known).toBe(model.get(id))
        if (known === undefined) {
          const entry = { id }
          table.add(entry)
          model.set(id, entry)
        } else {
          table.remove(known)
          model.delete(id)
        }
        expect(table.size).toBe(model.size)
      }
      expect(new Set(table.all())).toEqual(new Set(model.values()))
    }),
  )
})
