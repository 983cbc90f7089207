import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ringPlace, Rings } from './rings.ts'

const agents = (count: number) => Array.from({ length: count }, (_, i) => `peer-${i}`)

function ringsOf(self: string, all: readonly string[]): Rings {
  const rings = new Rings({ meshId: 'mesh', self, rings: 5, small: 8 })
  for (const peerId of all) rings.add(peerId)
  return rings
}

/** The successor on one ring, by sorting all. */
function successor(self: string, all: readonly string[], ring: number): string | undefined {
  const order = [...all].sort((a, b) => ringPlace('mesh', ring, a) - ringPlace('mesh', ring, b))
  return order[(order.indexOf(self) + 1) % order.length]
}

describe('Rings', () => {
  test('let each watch all others in a mesh of eight', () => {
    expect(ringsOf('peer-0', agents(8)).watched(3).sort()).toEqual(agents(8).slice(1).sort())
  })

  test('name the successor on each ring, around its end', () => {
    const all = agents(40)
    for (const self of all) {
      const watched = ringsOf(self, all).watched(3)
      expect(watched).toHaveLength(3)
      const successors = [0, 1, 2].map(ring => successor(self, all, ring))
      expect(watched).toEqual(expect.arrayContaining([...new Set(successors)]))
    }
  })

  test('are the same however they came about: by joins and leaves one by one, or at once', () => {
    const change = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 }))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), changes => {
        const rings = ringsOf('self', [])
        const known = new Set<string>()
        for (const [joins, i] of changes) {
          if (joins) rings.add(`peer-${i}`)
          else rings.remove(`peer-${i}`)
          if (joins) known.add(`peer-${i}`)
          else known.delete(`peer-${i}`)
        }
        const fresh = ringsOf('self', [...known])
        expect(rings.size).toBe(known.size)
        expect(rings.watched(5).sort()).toEqual(fresh.watched(5).sort())
      }),
      { numRuns: 100 },
    )
  })

  test('stay in one piece when half of the agents die', () => {
    const all = agents(120)
    const alive = new Set(all.filter((_, i) => i % 2 === 0))
    const neighbours = new Map([...alive].map(peerId => [peerId, new Set<string>()]))
    for (const self of alive)
      for (const watched of ringsOf(self, all)
        .watched(3)
        .filter(peerId => alive.has(peerId))) {
        neighbours.get(self)?.add(watched)
        neighbours.get(watched)?.add(self)
      }
    const reached = new Set([all[0] ?? ''])
    for (const peerId of reached) for (const next of neighbours.get(peerId) ?? []) reached.add(next)
    expect(reached.size).toBeGreaterThan(alive.size * 0.85)
  })

  test('are ordered differently in each mesh, and from each other', () => {
    expect(ringPlace('mesh-a', 0, 'peer-0')).not.toBe(ringPlace('mesh-b', 0, 'peer-0'))
    expect(ringPlace('mesh-a', 0, 'peer-0')).not.toBe(ringPlace('mesh-a', 1, 'peer-0'))
  })

  test('take a join or leave among 5,000 without looking at all of them', () => {
    const rings = ringsOf('self', agents(5_000))
    const began = process.cpuUsage()
    for (let i = 0; i < 200; i++) {
      rings.add(`late-${i}`)
      rings.watched(3)
      rings.remove(`late-${i}`)
    }
    const { user, system } = process.cpuUsage(began)
    // Sorting all of them anew took 16 ms each time.
    expect((user + system) / 1_000 / 400).toBeLessThan(2)
  })
})
