import { setImmediate as turn } from 'node:timers/promises'
import {
  encodeBody,
  FrameDecoder,
  FrameEncoder,
  linkFeatures,
  type Frame,
} from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ByteStream } from '../core/byte-stream.ts'
import { until } from '../../../test/support/until.ts'
import { ByteBudget } from './byte-budget.ts'
import type { OnRequest } from './calls/inbound-calls.ts'
import { memoryStreams } from './memory-stream.ts'
import type { RpcLink, RpcLinkInit } from './rpc-link.ts'
import { bulkBody as body, outcome, patient } from './testing/bulk-calls.ts'
import { linkPair } from './testing/link-pair.ts'
import { TimerWheel } from '../core/timer-wheel.ts'
import { rpcLink } from './stream-link.ts'

const kib = 1024
let wheel: TimerWheel
const links: RpcLink[] = []
beforeEach(() => {
  wheel = new TimerWheel()
})
afterEach(() => {
  for (const link of links.splice(0)) link.close()
  wheel.stop()
})

/** A link whose other end is played by the test: it says what it sends, and keeps the frames that it gets. */
function played(init: Partial<RpcLinkInit> & { stream?: ByteStream } = {}) {
  const [near, far] = memoryStreams()
  const frames: Frame[] = []
  const decoder = new FrameDecoder(frame => frames.push(frame))
  far.onData(chunk => decoder.push(chunk))
  const link = rpcLink({ stream: near, wheel, onRequest: () => undefined, ...init })
  links.push(link)
  const say = (write: (encoder: FrameEncoder) => void): void => {
    const encoder = new FrameEncoder()
    write(encoder)
    far.send(encoder.take())
  }
  const kinds = (): string[] => frames.map(({ type }) => type).filter(type => type !== 'settings')
  return { link, frames, say, kinds }
}

/** It reads parts, and answers the ping ahead of the first. */
const reads = (encoder: FrameEncoder): void => {
  encoder.settings(linkFeatures.parts)
  encoder.pong(0)
}

describe('large frames', () => {
  it('wait until the peer is heard, and reach one of an earlier version whole', async () => {
    const { link, frames, say, kinds } = played()
    const call = outcome(link.call('a.b', body))
    await turn()
    expect([frames[0]?.type, kinds()]).toEqual(['settings', ['ping']])
    say(encoder => encoder.pong(0))
    await until(() => kinds().length === 2)
    expect(frames.at(-1)).toMatchObject({ type: 'request', method: 'a.b' })
    say(encoder => encoder.response(1, encodeBody(1, 'x')))
    expect(await call).toBe('ok')
  })

  it('go to others in parts, no more of them than were counted as read, and let everything else pass', async () => {
    const { link, frames, say, kinds } = played()
    void outcome(link.call('a.b', body))
    say(reads)
    await until(() => kinds().includes('part'))
    const parts = (): number => frames.filter(frame => frame.type === 'part' && frame.left === 0).length
    const before = parts()
    expect(before).toBeLessThanOrEqual(4)
    void outcome(link.call('small.one', 1))
    void link.ping().catch(() => undefined)
    await until(() => kinds().slice(-2).join() === 'request,ping')
    say(encoder => encoder.delivered(before))
    await until(() => parts() > before)
    const sizes = frames.flatMap(frame => (frame.type === 'part' ? [frame.bytes.length] : []))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16 * kib)
  })

  it('reach the stream as views on what was encoded once', async () => {
    const stream = reluctant()
    const onRequest: OnRequest = call => (call.params() as Uint8Array).byteLength
    const caller = rpcLink({ stream: stream.near, wheel, onRequest })
    links.push(caller, rpcLink({ stream: stream.far, wheel, onRequest }))
    const bytes = new Uint8Array(900 * kib)
    expect(await caller.call('a.b', bytes)).toBe(bytes.length)
    const large = stream.sent.filter(({ byteLength }) => byteLength > 2 * kib)
    expect(large.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeGreaterThan(bytes.length - 2 * kib)
    expect(new Set(large.map(({ buffer }) => buffer)).size).toBe(1)
  })

  it('take turns: the second of two does not wait for the end of the first', async () => {
    const { link, frames, say } = played()
    void outcome(link.call('a.b', body))
    void outcome(link.call('a.c', body))
    say(reads)
    // Nothing is counted as read, so neither of them can end.
    await until(() => new Set(frames.flatMap(frame => (frame.type === 'part' ? [frame.id] : []))).size === 2)
  })

  it('arrive as they were sent, in both directions at once', async () => {
    const pair = await linkPair(call => call.params(), {}, patient)
    const bodies = Array.from({ length: 12 }, (_, i) => 'ü'.repeat(400 * kib - i) + i)
    const echoes = await Promise.all(bodies.map(sent => pair.caller.call('a.b', sent)))
    expect(echoes.map((echo, i) => echo === bodies[i])).toEqual(bodies.map(() => true))
    expect([pair.caller.stats.heldBytes, pair.callee.stats.heldBytes]).toEqual([0, 0])
    pair.stop()
  })

  it('end the link when more are counted as read than were sent', async () => {
    const { link, say } = played()
    say(reads)
    say(encoder => encoder.delivered(7))
    expect(await link.closed).toMatchObject({ code: 'protocol_error' })
  })
})

describe('a call given up before it is written', () => {
  it('is never sent, and one begun in parts is taken back', async () => {
    const { link, frames, say, kinds } = played()
    const cancel = new AbortController()
    const begun = outcome(link.call('a.begun', body, { signal: cancel.signal }))
    const calls = ['b', 'c', 'd'].map(name => outcome(link.call(`a.${name}`, body)))
    const waiting = outcome(link.call('a.waiting', body, { timeoutMs: 30 }))
    say(reads)
    await until(() => kinds().includes('part'))
    expect(await waiting).toBe('deadline_exceeded, not started')
    cancel.abort()
    expect(await begun).toBe('cancelled, not started')
    await until(() => kinds().includes('drop'))
    expect(kinds()).not.toContain('cancel')
    const first = frames.find(frame => frame.type === 'part')
    expect(frames.find(frame => frame.type === 'drop')).toMatchObject({ id: first?.id })
    link.close()
    expect(await Promise.all(calls)).toEqual(Array(3).fill('unavailable, not started'))
    expect(link.stats.heldBytes).toBe(0)
  })

  it('carries the time that is left when it is written', async () => {
    const stream = reluctant()
    const { link, frames, say } = played({ stream: stream.near })
    stream.far.onData(chunk => new FrameDecoder(frame => frames.push(frame)).push(chunk))
    void say
    await turn()
    stream.takes = false
    void outcome(link.call('a.first', 1, { timeoutMs: 60_000 }))
    await turn()
    const late = outcome(link.call('a.late', 1, { timeoutMs: 60_000 }))
    const expired = outcome(link.call('a.expired', 1, { timeoutMs: 20 }))
    const since = performance.now()
    expect(await expired).toBe('deadline_exceeded, not started')
    const waited = performance.now() - since
    stream.takes = true
    stream.drain()
    await until(() => frames.some(frame => frame.type === 'request' && frame.method === 'a.late'))
    const written = frames.find(frame => frame.type === 'request' && frame.method === 'a.late')
    expect((written as { timeoutMs: number }).timeoutMs).toBeLessThanOrEqual(60_000 - Math.floor(waited))
    expect(frames.map(frame => ('method' in frame ? frame.method : ''))).not.toContain('a.expired')
    link.close()
    expect(await late).toBe('path_lost')
  })

  it('is unavailable, not lost, when the stream closes under it', async () => {
    const stream = reluctant()
    const { link } = played({ stream: stream.near })
    await turn()
    const written = outcome(link.call('a.b', 1))
    await turn()
    stream.closing = true
    const unwritten = outcome(link.call('a.b', 2))
    await turn()
    link.abort(new Error('closed'))
    expect([await written, await unwritten]).toEqual(['path_lost', 'unavailable, not started'])
  })
})

/** A memory stream that a test can declare full; it records the pieces that it was sent. */
function reluctant() {
  const [inner, far] = memoryStreams()
  let onDrain = (): void => {}
  const sent: Uint8Array[] = []
  const state = { takes: true, closing: false, sent, far, drain: () => onDrain(), near: inner }
  state.near = {
    get writable() {
      return !state.closing
    },
    send: chunk => {
      if (state.closing) return false
      sent.push(...[chunk].flat())
      return inner.send(chunk) && state.takes
    },
    pause: () => undefined,
    resume: () => undefined,
    onData: callback => inner.onData(callback),
    onDrain: callback => void (onDrain = callback),
    onClose: callback => inner.onClose(callback),
    close: () => inner.close(),
    abort: error => inner.abort(error),
  }
  return state
}

describe('memory of a process', () => {
  it('is shared by its links', async () => {
    const budget = new ByteBudget(kib * kib)
    const [one, other] = [played({ budget }), played({ budget })]
    const first = [outcome(one.link.call('a.b', body)), outcome(one.link.call('a.b', body))]
    expect(budget.used).toBeGreaterThan(kib * kib)
    expect(await outcome(other.link.call('a.b', 1))).toBe('overloaded, not started')
    one.link.close()
    expect(await Promise.all(first)).toEqual(Array(2).fill('unavailable, not started'))
    expect(budget.used).toBe(0)
    void outcome(other.link.call('a.b', 1))
    await until(() => other.kinds().includes('request'))
  })
})

describe('settings of the peer', () => {
  it.each<[string, (encoder: FrameEncoder) => void, number]>([
    [
      'name what it understands, also what is unknown here',
      encoder => encoder.settings(0x8000_0001),
      0x8000_0001,
    ],
    ['are none where another frame comes first', encoder => encoder.ping(1), 0],
  ])('%s, once', async (_, first, features) => {
    const { link, say } = played()
    expect(link.peerFeatures).toBeUndefined()
    say(encoder => {
      first(encoder)
      encoder.settings(0xff)
    })
    await until(() => link.peerFeatures !== undefined)
    expect(link.peerFeatures).toBe(features)
  })
})
