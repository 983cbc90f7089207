import { describe, expect, it } from 'vitest'
import type { PairRow } from './pair.ts'
import { complaint, markdownTable, summarise } from './report.ts'

const row = (fields: Partial<PairRow>): PairRow => ({
  ...{ a: 'cone', b: 'cone', path: 'direct', connect_ms: 200, upgrade_ms: 300, mb_s: 40 },
  ...fields,
})

describe('summarise()', () => {
  it('is content with pairs that end as promised', () => {
    const rows = [row({}), row({ b: 'symmetric', path: 'relay', upgrade_ms: null })]
    expect(summarise(rows)).toEqual({
      ...{ pairs: 2, connected_under_1s: 2, direct: 1, webrtc: 0, relay: 1 },
      ...{ unexpected: [], upgrade_p50_ms: 300, ok: true },
    })
  })

  it('names a pair that stayed relayed, one that came late and one that never came', () => {
    const rows = [
      row({ path: 'relay' }),
      row({ connect_ms: 1_200 }),
      row({ path: null, connect_ms: null, error: 'Cannot connect' }),
    ]
    const { ok, unexpected } = summarise(rows)
    expect(ok).toBe(false)
    expect(unexpected).toEqual([
      'cone/cone: relay, not direct or webrtc',
      'cone/cone: connected in 1200 ms',
      'cone/cone: Cannot connect',
    ])
  })

  it('fails when upgrades take half a second at the median', () => {
    expect(summarise([row({ upgrade_ms: 500 })]).ok).toBe(false)
  })
})

describe('complaint()', () => {
  it('refuses WebRTC where UDP is dropped: no such path can be', () => {
    expect(complaint(row({ b: 'udp-dropped', path: 'webrtc' }))).toContain('not direct')
  })
})

describe('markdownTable()', () => {
  it('has a line for each pair, in the order of the kinds', () => {
    const table = markdownTable([row({ a: 'symmetric', b: 'symmetric' }), row({ a: 'open' })])
    expect(table.split('\n').slice(2)).toEqual([
      '| open | cone | direct | 200 | 300 | 40 |',
      '| symmetric | symmetric | direct | 200 | 300 | 40 |',
    ])
  })
})
