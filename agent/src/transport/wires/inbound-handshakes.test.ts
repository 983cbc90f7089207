import type { MeshError } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { InboundHandshakes } from './inbound-handshakes.ts'

interface Visitor {
  from: string
  silent: boolean
  ended?: MeshError
}

let handshakes: InboundHandshakes<Visitor>
beforeEach(() => {
  vi.useFakeTimers()
  handshakes = new InboundHandshakes<Visitor>({
    max: 6,
    perSource: 3,
    graceMs: 100,
    silenceMs: 5_000,
    limitMs: 15_000,
    isSilent: ({ silent }) => silent,
    end: (visitor, reason) => (visitor.ended = reason),
    now: () => performance.now(),
  })
})
afterEach(() => vi.useRealTimers())

/** Connections that arrive at the same time. */
const come = (count: number, from: string, silent: boolean) => {
  const visitors = Array.from({ length: count }, (): Visitor => ({ from, silent }))
  return { visitors, entered: visitors.map(visitor => handshakes.enter(visitor, from)) }
}
const endedOf = (visitors: readonly Visitor[]) => visitors.map(({ ended }) => ended?.code)

describe('handshakes that came in', () => {
  it('of one source have its share of the places, and those of others the rest', () => {
    expect(come(4, 'a', false).entered).toEqual([true, true, true, false])
    expect(come(4, 'b', false).entered).toEqual([true, true, true, false])
    expect(come(1, 'c', false).entered).toEqual([false])
    expect(handshakes.size).toBe(6)
  })

  it('that are over make room', () => {
    const { visitors } = come(3, 'a', false)
    visitors.forEach(visitor => handshakes.leave(visitor))
    expect(handshakes.size).toBe(0)
    expect(come(3, 'a', false).entered).toEqual([true, true, true])
  })

  it('that say nothing give their place to the next of their source, the oldest first', () => {
    const { visitors } = come(3, 'a', true)
    expect(come(1, 'a', true).entered).toEqual([false])
    vi.advanceTimersByTime(100)
    expect(come(2, 'a', false).entered).toEqual([true, true])
    expect(endedOf(visitors)).toEqual(['rate_limited', 'rate_limited', undefined])
    expect(handshakes.size).toBe(3)
  })

  it('that say nothing give their place to other sources when all are taken', () => {
    const { visitors } = come(3, 'a', true)
    come(3, 'b', false)
    vi.advanceTimersByTime(100)
    expect(come(1, 'c', false).entered).toEqual([true])
    expect(endedOf(visitors)).toEqual(['rate_limited', undefined, undefined])
  })

  it('are ended when they say nothing for long, and when they say something but come to no end', async () => {
    const mute = come(1, 'a', true).visitors
    const slow = come(1, 'a', false).visitors
    await vi.advanceTimersByTimeAsync(4_999)
    expect(endedOf([...mute, ...slow])).toEqual([undefined, undefined])
    await vi.advanceTimersByTimeAsync(2)
    expect(endedOf([...mute, ...slow])).toEqual(['deadline_exceeded', undefined])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(endedOf(slow)).toEqual(['deadline_exceeded'])
    expect(handshakes.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
