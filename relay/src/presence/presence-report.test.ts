import { limits } from '@agent-mesh/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PresenceReport } from './presence-report.ts'

const claims = (...peers: string[]) => new Map(peers.map(peer => [peer, `claim of ${peer}`]))

describe('PresenceReport', () => {
  test('tells what came and went since the last acknowledged report', () => {
    const report = new PresenceReport()
    expect(report.next(claims('a', 'b'))).toMatchObject({
      seq: 1,
      up: ['claim of a', 'claim of b'],
      down: [],
    })
    report.acknowledge(claims('a', 'b'))
    expect(report.next(claims('b', 'c'))).toMatchObject({ seq: 2, up: ['claim of c'], down: ['a'] })
  })

  test('sends a report whose fate is unknown again as it was', () => {
    const report = new PresenceReport()
    const first = report.next(claims('a'))
    expect(report.next(claims('a', 'b'))).toEqual(first)
    expect(report.acknowledge(claims('a', 'b'))).toBe(true)
    expect(report.next(claims('a', 'b'))).toMatchObject({ seq: 2, up: ['claim of b'] })
  })

  test('tells a newer claim of the same agent', () => {
    const report = new PresenceReport()
    report.next(claims('a'))
    report.acknowledge(claims('a'))
    expect(report.next(new Map([['a', 'newer claim']]))).toMatchObject({ up: ['newer claim'], down: [] })
  })

  test('tells everything anew in a new epoch', () => {
    const report = new PresenceReport()
    const { epoch } = report.next(claims('a'))
    report.acknowledge(claims('a'))
    report.restart()
    const again = report.next(claims('a'))
    expect(again).toMatchObject({ seq: 1, up: ['claim of a'] })
    expect(again.epoch).not.toBe(epoch)
  })

  test('adds up to what is true, in reports of at most 500 changes', () => {
    const peers = fc.uniqueArray(fc.integer({ min: 0, max: 1500 }), { maxLength: 1500, size: 'max' })
    fc.assert(
      fc.property(fc.array(peers, { maxLength: 4 }), states => {
        const report = new PresenceReport()
        const known = new Set<string>()
        for (const state of states) {
          const now = claims(...state.map(String))
          do {
            const { up, down } = report.next(now)
            expect(up.length + down.length).toBeLessThanOrEqual(limits.reportChanges)
            for (const claim of up) known.add(claim.replace('claim of ', ''))
            for (const peer of down) known.delete(peer)
          } while (report.acknowledge(now))
          expect([...known].sort()).toEqual([...now.keys()].sort())
        }
      }),
      { numRuns: 20 },
    )
  })
})
