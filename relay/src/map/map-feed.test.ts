import { formatMapCursor, type MapChange } from '@agent-mesh/protocol'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { relayDefaults } from '../defaults.ts'
import { MapFeed } from './map-feed.ts'

const cursor = (v: number) => formatMapCursor({ epoch: 'one', v: new Array<number>(16).fill(v) })
const change = { shard: 0, v: 1, peerId: 'ada', gone: 'serial' } as unknown as MapChange

let at: string
let signed: { head: string; relays: string; policy: string; revocations: string; keys: { links: string[] } }
const read = vi.fn()
let feed: MapFeed

beforeEach(() => {
  at = cursor(9)
  signed = { head: 'first', relays: 'r', policy: 'p', revocations: 'v', keys: { links: ['k'] } }
  read.mockReset().mockReturnValue([change])
  feed = new MapFeed({
    head: {
      get current() {
        return { signed } as never
      },
    },
    map: {
      get cursor() {
        return at
      },
    },
    store: { changesAfter: read },
    presence: { after: () => undefined },
    beatMs: 60_000,
  })
})

describe('MapFeed', () => {
  test('reads a page once for all followers at one cursor', () => {
    const page = feed.pageAfter(cursor(8))
    expect(page).toMatchObject({ type: 'changes' })
    const reads = read.mock.calls.length
    expect(feed.pageAfter(cursor(8))).toBe(page)
    expect(feed.pageAfter(cursor(9))).toBeUndefined()
    expect(read).toHaveBeenCalledTimes(reads)
  })

  test('reads anew when the mirror has moved, and keeps few pages', () => {
    const page = feed.pageAfter(cursor(8))
    at = cursor(10)
    const next = feed.pageAfter(cursor(8))
    expect(next).not.toBe(page)
    for (let i = 0; i < relayDefaults.sharedPages; i++) feed.pageAfter(cursor(i))
    expect(feed.pageAfter(cursor(8))).not.toBe(next)
  })

  test('makes one message of each head', () => {
    const message = feed.head()
    expect(feed.head()).toBe(message)
    signed = { ...signed, head: 'second' }
    expect(feed.head()).toEqual({ type: 'head', head: signed, health: true, beatMs: 60_000 })
  })

  test.each([
    ['relays', { relays: 'R' }],
    ['a policy', { policy: 'P' }],
    ['revocations', { revocations: 'V' }],
    ['keys', { keys: { links: ['k', 'l'] } }],
  ])('tells a head with other %s from one that is only younger', (_, change) => {
    const before = feed.headNews()
    signed = { ...signed, head: 'second', keys: { links: ['k'] } }
    expect(feed.headNews()).toBe(before)
    signed = { ...signed, head: 'third', ...change }
    expect(feed.headNews()).toBe(before + 1)
    expect(feed.headNews()).toBe(before + 1)
  })
})
