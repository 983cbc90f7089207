import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ringPlace, watchedBy } from './ring.ts'

const agents = (count: number) => Array.from({ length: count }, (_, i) => `peer-${i}`)
const ring = (self: string, all: string[], successors = 3) =>
  watchedBy({ meshId: 'mesh', self, agents: all, successors, small: 8 })

describe('watchedBy()', () => {
  test('lets everybody watch everybody in a mesh of eight', () => {
    expect(ring('peer-0', agents(8)).sort()).toEqual(agents(8).slice(1).sort())
  })

  test('names the nearest successors on the ring, around its end', () => {
    const all = agents(40)
    const order = [...all].sort((a, b) => (ringPlace('mesh', a) < ringPlace('mesh', b) ? -1 : 1))
    for (const [i, self] of order.entries())
      expect(ring(self, all)).toEqual([1, 2, 3].map(step => order[(i + step) % order.length]))
  })

  test('gives each agent of a large mesh exactly as many watchers as it watches', () => {
    fc.assert(
      fc.property(fc.integer({ min: 9, max: 60 }), fc.integer({ min: 1, max: 5 }), (count, successors) => {
        const all = agents(count)
        const watched = all.flatMap(self => ring(self, all, successors))
        return all.every(peer => watched.filter(other => other === peer).length === successors)
      }),
      { numRuns: 30 },
    )
  })

  test('orders the ring differently in each mesh', () => {
    expect(ringPlace('mesh-a', 'peer-0')).not.toBe(ringPlace('mesh-b', 'peer-0'))
  })
})
