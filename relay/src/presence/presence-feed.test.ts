import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { relayDefaults } from '../defaults.ts'
import type { HomedChange } from './homed-agents.ts'
import { PresenceFeed } from './presence-feed.ts'

let tell: (change: HomedChange) => void
let steps: number
let feed: PresenceFeed

const begin = (...peers: string[]) => {
  const onChange = (listener: (change: HomedChange) => void) => {
    tell = listener
    return () => void (tell = () => {})
  }
  feed = new PresenceFeed({
    homed: { peers: () => peers, onChange },
    gatherMs: () => 50,
    onStep: () => steps++,
  })
}

beforeEach(() => {
  vi.useFakeTimers()
  steps = 0
  begin('ada')
})
afterEach(() => {
  feed.stop()
  vi.useRealTimers()
})

const gathered = () => vi.advanceTimersByTime(50)
const up = (...peers: string[]) => tell({ up: peers, down: [] })
const down = (...peers: string[]) => tell({ up: [], down: peers })
const said = (at: number | undefined) => feed.after(at)?.messages

describe('PresenceFeed', () => {
  test('tells a new follower of all agents, and one that is level of nothing', () => {
    expect(feed.after(undefined)).toEqual({
      messages: [{ type: 'presence', full: true, up: ['ada'], down: [] }],
      at: 0,
    })
    expect(feed.after(0)).toBeUndefined()
  })

  test('gathers the changes of some milliseconds in one step, the same object for all followers', () => {
    up('ben')
    up('cleo')
    down('ada')
    expect([steps, said(0)]).toEqual([0, undefined])
    gathered()
    expect(steps).toBe(1)
    expect(said(0)).toEqual([{ type: 'presence', full: false, up: ['ben', 'cleo'], down: ['ada'] }])
    expect(said(0)?.[0]).toBe(said(0)?.[0])
    expect(said(undefined)).toBe(said(undefined))
  })

  test('says nothing of what came to nothing: an agent that was gone for a moment, a newer claim', () => {
    down('ada')
    up('ada')
    up('ada')
    gathered()
    expect([steps, said(0)]).toEqual([0, undefined])
  })

  test('says that an agent is offline that was there for a moment: followers may know it from its record', () => {
    up('ben')
    down('ben')
    gathered()
    expect(said(0)).toEqual([{ type: 'presence', full: false, up: [], down: ['ben'] }])
    expect(feed.after(undefined)?.messages).toMatchObject([{ full: true, up: ['ada'] }])
  })

  test('tells a follower that lags what it missed, and one that missed too much of all', () => {
    for (let i = 0; i < relayDefaults.presenceSteps + 1; i++) {
      up(`agent-${i}`)
      gathered()
    }
    const last = relayDefaults.presenceSteps + 1
    expect(said(last - 2)).toEqual([
      { type: 'presence', full: false, up: [`agent-${last - 2}`], down: [] },
      { type: 'presence', full: false, up: [`agent-${last - 1}`], down: [] },
    ])
    expect(said(1)).toHaveLength(relayDefaults.presenceSteps)
    expect(said(0)).toMatchObject([{ full: true }])
    expect(said(0)?.[0]?.up).toHaveLength(last + 1)
  })

  test('cuts into messages what no message may hold', () => {
    feed.stop()
    begin(...Array.from({ length: 2_500 }, (_, i) => `agent-${i}`))
    const messages = said(undefined) ?? []
    expect(messages.map(({ full, up: { length } }) => [full, length])).toEqual([
      [true, 1_000],
      [false, 1_000],
      [false, 500],
    ])
  })

  test('pushes nothing once it has stopped', () => {
    up('ben')
    feed.stop()
    gathered()
    up('cleo')
    gathered()
    expect([steps, said(0)]).toEqual([0, undefined])
  })
})
