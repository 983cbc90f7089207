import { formatMapCursor, parseMapCursor, type MapMessage } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { MapSubscriber, type MapSource } from './map-subscriber.ts'

const cursor = (v: number) => formatMapCursor({ epoch: 'one', v: new Array<number>(16).fill(v) })

let sent: MapMessage[]
let writable: boolean
let source: MapSource
/** Numbers of the mirror. */
let at: number
/** How often the head was signed, and how often it said something new. */
let signed: number
let news: number
let homed: { up: string[]; down: string[] }[]

beforeEach(async () => {
  const head = await (await TestMesh.create()).head()
  sent = []
  writable = true
  signed = 0
  news = 1
  at = 2
  homed = [{ up: ['a'], down: [] }]
  source = {
    head: () => ({ type: 'head', head: { ...head, head: `${head.head}${signed}` } }),
    headNews: () => news,
    presenceAfter: (after = 0) =>
      after === homed.length
        ? undefined
        : {
            messages: homed
              .slice(after)
              .map((change, i) => ({ type: 'presence', full: after + i === 0, ...change })),
            at: homed.length,
          },
    pageAfter: since => {
      if (since === 'foreign') return 'restart'
      const from = since === undefined ? 0 : (parseMapCursor(since).v[0] ?? 0)
      const page = { changes: [], next: cursor(from + 1), more: from + 1 < at }
      return from >= at ? undefined : { type: 'changes', page }
    },
  }
})

const subscribe = (since?: string) => {
  const subscriber = new MapSubscriber(
    source,
    message => {
      sent.push(message)
      return writable
    },
    since,
  )
  subscriber.pump()
  return subscriber
}
const kinds = () => sent.map(({ type }) => type)

describe('MapSubscriber', () => {
  test('sends a sign of life when it sent nothing since the last beat, and none to an agent that takes nothing', () => {
    const subscriber = subscribe()
    sent = []
    subscriber.beat()
    expect(sent).toEqual([])
    subscriber.beat()
    expect(sent).toEqual([{ type: 'presence', full: false, up: [], down: [] }])
    writable = false
    homed.push({ up: [], down: ['a'] })
    subscriber.pump()
    for (let i = 0; i < 3; i++) subscriber.beat()
    expect(sent).toHaveLength(2)
  })

  test('gets the head, the delta and who is here, in this order', () => {
    subscribe()
    expect(kinds()).toEqual(['head', 'changes', 'changes', 'presence'])
    expect(sent.at(-1)).toMatchObject({ full: true, up: ['a'], down: [] })
  })

  test('hears of a change only once', () => {
    const subscriber = subscribe()
    sent = []
    subscriber.pump()
    expect(kinds()).toEqual([])
    at = 3
    homed.push({ up: ['b'], down: ['a'] })
    subscriber.pump()
    expect(kinds()).toEqual(['changes', 'presence'])
    expect(sent.at(-1)).toMatchObject({ full: false, up: ['b'], down: ['a'] })
  })

  test('is told to start anew when its cursor is foreign', () => {
    subscribe('foreign')
    expect(kinds()).toEqual(['head', 'restart', 'changes', 'changes', 'presence'])
  })

  test('gets nothing more while its stream is full, and then all it missed', () => {
    writable = false
    const subscriber = subscribe()
    expect(kinds()).toEqual(['head'])
    at = 5
    subscriber.pump()
    expect(kinds()).toEqual(['head'])
    writable = true
    subscriber.drained()
    expect(kinds()).toEqual(['head', ...new Array<string>(5).fill('changes'), 'presence'])
  })

  describe('sends a head that was signed anew', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
    afterEach(() => void vi.useRealTimers())

    const heads = () => kinds().filter(kind => kind === 'head').length
    const sign = (subscriber: MapSubscriber) => {
      signed++
      subscriber.pump()
    }

    test('after 10 minutes when it is only younger', () => {
      const subscriber = subscribe()
      for (let minute = 1; minute <= 21; minute++) {
        vi.advanceTimersByTime(60_000)
        sign(subscriber)
      }
      expect(heads()).toBe(3)
    })

    test('at once when it says something new', () => {
      const subscriber = subscribe()
      news++
      sign(subscriber)
      expect(heads()).toBe(2)
    })
  })
})
