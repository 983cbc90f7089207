/** Compressed bodies of links over a slow path, in virtual time: the timers are the only clock. */
import { FrameDecoder, FrameEncoder, linkFeatures } from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OnRequest } from './calls/inbound-calls.ts'
import { systemWheelClock, TimerWheel } from '../core/timer-wheel.ts'
import { Compression } from './compression.ts'
import { memoryStreams } from './memory-stream.ts'
import { rpcLink } from './stream-link.ts'
import { patient } from './testing/bulk-calls.ts'
import { slowStreams } from './testing/slow-streams.ts'
import { TurnQueue } from './turn-queue.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** 4 Mbit/s, and 2 Gbit/s. */
const slow = { bytesPerMs: 500, delayMs: 5 }
const fast = { bytesPerMs: 250_000, delayMs: 1 }

const rows = (count: number) => Array.from({ length: count }, (_, id) => ({ id, name: `row ${id}` }))
const large = rows(10_000)
const echo: OnRequest = call => call.params()

/** A caller whose params and a callee whose results may be compressed; both echo. */
function linksOver(path: { bytesPerMs: number; delayMs: number }, onSlow = () => undefined) {
  const [a, b] = slowStreams(path)
  const wheel = new TimerWheel({ ...systemWheelClock, now: () => performance.now() })
  const compression = new Compression(() => performance.now())
  compression.onSlow(onSlow)
  const turns = new TurnQueue(wheel, patient)
  const caller = rpcLink({ stream: a, wheel, compression, onRequest: () => 'caller' })
  const callee = rpcLink({ stream: b, wheel, turns, compression, onRequest: echo })
  const ended = async <T>(call: Promise<T>): Promise<T> => {
    let done = false
    void call.finally(() => (done = true)).catch(() => undefined)
    for (let ms = 0; !done && ms < 60_000; ms += 50) await vi.advanceTimersByTimeAsync(50)
    return call
  }
  /** Bytes that an echoed value takes on its way there. */
  const bytesOf = async (value: unknown): Promise<number> => {
    const before = caller.stats.bytesSent
    expect(await ended(caller.call('a.echo', value))).toEqual(value)
    return caller.stats.bytesSent - before
  }
  const stop = () => {
    caller.close()
    callee.close()
    wheel.stop()
  }
  return { bytesOf, compression, stop }
}

describe('bodies on a slow path', () => {
  it('are compressed both ways once the path was measured, and not while that is off or in the shadow', async () => {
    const { bytesOf, compression, stop } = linksOver(slow)
    const whole = await bytesOf(large)
    expect(await bytesOf(large)).toBeGreaterThan(whole * 0.95)
    compression.mode = 'shadow'
    expect(await bytesOf(large)).toBeGreaterThan(whole * 0.95)
    expect(compression.gain).toMatchObject({ bodies: 1 })
    expect(compression.gain.savedMs).toBeGreaterThan(50)
    compression.mode = 'on'
    expect(await bytesOf(large)).toBeLessThan(whole / 3)
    expect(compression.total.bodies).toBe(2)
    stop()
  })

  it('stay as they are below 1 KiB and as bytes', async () => {
    const { bytesOf, compression, stop } = linksOver(slow)
    await bytesOf(large)
    await bytesOf(large)
    compression.mode = 'on'
    await bytesOf(rows(20))
    await bytesOf(Buffer.alloc(400_000))
    expect(compression.gain.bodies).toBe(0)
    stop()
  })

  it('is reported for each body while it is off', async () => {
    const onSlow = vi.fn()
    const { bytesOf, stop } = linksOver(slow, onSlow)
    await bytesOf(large)
    await bytesOf(large)
    expect(onSlow).toHaveBeenCalled()
    stop()
  })
})

it('a fast path is never compressed', async () => {
  const onSlow = vi.fn()
  const { bytesOf, compression, stop } = linksOver(fast, onSlow)
  compression.mode = 'on'
  for (let round = 0; round < 4; round++) await bytesOf(large)
  expect([compression.gain.bodies, onSlow.mock.calls.length]).toEqual([0, 0])
  stop()
})

it.each([
  ['of the version before, which has no settings', undefined],
  ['whose settings do not have compressed bodies', linkFeatures.parts],
])('a peer %s gets no compressed body', async (_, features) => {
  const [a, b] = memoryStreams()
  const wheel = new TimerWheel()
  const compression = new Compression(() => performance.now())
  compression.mode = 'on'
  const apply = vi.spyOn(compression, 'apply')
  const link = rpcLink({ stream: a, wheel, compression, onRequest: () => 'x' })
  const peer = new FrameEncoder()
  if (features === undefined) peer.pong(1)
  else peer.settings(features)
  b.send(peer.take())
  const seen: string[] = []
  b.onData(chunk => new FrameDecoder(({ type }) => seen.push(type)).push(chunk))
  await vi.advanceTimersByTimeAsync(10)
  void link.call('a.b', rows(100)).catch(() => undefined)
  await vi.advanceTimersByTimeAsync(10)
  expect(seen).toContain('request')
  expect(apply).not.toHaveBeenCalled()
  link.close()
  wheel.stop()
})
