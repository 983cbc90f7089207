import { setImmediate as turn } from 'node:timers/promises'
import type { MeshError } from '@agent-mesh/protocol/errors'
import { describe, expect, it } from 'vitest'
import type { ByteStream } from '../core/byte-stream.ts'
import { until } from '../../../test/support/until.ts'
import type { OnRequest } from './calls/inbound-calls.ts'
import { memoryStreams } from './memory-stream.ts'
import { patient } from './testing/bulk-calls.ts'
import { linkPairs, socketPair } from './testing/link-pair.ts'
import { TimerWheel } from '../core/timer-wheel.ts'
import { socketStream } from './socket-stream.ts'
import { rpcLink } from './stream-link.ts'

const pairOf = linkPairs(patient)

const never: OnRequest = () => new Promise(() => {})
const failing = (code: string) => expect.objectContaining({ code }) as unknown
const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: { code: unknown }) => error.code,
  )

describe('a lost link', () => {
  it('ends written calls with path_lost, unwritten and later ones with unavailable', async () => {
    const { caller, callee, callerSocket } = await pairOf(never)
    const written = codeOf(caller.call('a.b', 1))
    await until(() => callee.stats.inbound === 1)
    const unwritten = codeOf(caller.call('a.b', 2))
    caller.abort(new Error('cable cut'))
    expect(await Promise.all([written, unwritten])).toEqual(['path_lost', 'unavailable'])
    expect(await codeOf(caller.call('a.b', 3))).toBe('unavailable')
    expect(await codeOf(caller.ping())).toBe('unavailable')
    expect(callerSocket.destroyed).toBe(true)
    expect(await caller.closed).toMatchObject({
      code: 'path_lost',
      message: expect.stringContaining('cable cut') as string,
    })
  })

  it('tells the handlers at the other end', async () => {
    const reason = Promise.withResolvers<unknown>()
    const { caller, callee } = await pairOf(({ signal }) => {
      signal.addEventListener('abort', () => reason.resolve(signal.reason))
      return new Promise(() => {})
    })
    const call = codeOf(caller.call('a.b', 1))
    await until(() => callee.stats.inbound === 1)
    caller.close()
    expect(await call).toBe('path_lost')
    expect(await reason.promise).toEqual(failing('path_lost'))
    expect(await callee.closed).toBeUndefined()
  })
})

describe('going away', () => {
  it('finishes what runs, refuses what comes later, and is done when both are empty', async () => {
    const gate = Promise.withResolvers<string>()
    const { caller, callee } = await pairOf(() => gate.promise)
    const running = codeOf(caller.call('a.b', 1))
    await until(() => callee.stats.inbound === 1)
    const gone = callee.goAway()
    const crossing = codeOf(caller.call('a.b', 2))
    expect(await crossing).toBe('going_away')
    await until(() => !caller.usable)
    expect(await codeOf(caller.call('a.b', 3))).toBe('going_away')
    gate.resolve('done')
    await gone
    callee.close()
    expect(await running).toBe('ok')
    expect(await caller.closed).toBeUndefined()
  })

  it('does not wait for a handler whose caller has given up', async () => {
    const { caller, callee } = await pairOf(never)
    const cancel = new AbortController()
    const call = codeOf(caller.call('a.b', 1, { signal: cancel.signal }))
    await until(() => callee.stats.inbound === 1)
    const gone = callee.goAway(60_000)
    cancel.abort()
    expect(await call).toBe('cancelled')
    await gone
  })

  it('waits for a call of any length unless a time is given', async () => {
    let now = 0
    let tick = () => {}
    const wheel = new TimerWheel({ now: () => now, every: (_ms, callback) => ((tick = callback), () => {}) })
    const [near, far] = memoryStreams()
    const gate = Promise.withResolvers<string>()
    const caller = rpcLink({ stream: near, wheel, onRequest: never })
    const callee = rpcLink({ stream: far, wheel, onRequest: () => gate.promise })
    const call = caller.call('a.b', 1, { timeoutMs: 3_600_000 })
    await until(() => callee.stats.inbound === 1)
    let gone = false
    const leaving = callee.goAway().then(() => (gone = true))
    for (; now < 3_000_000; now += 10_000) tick()
    await turn()
    expect(gone).toBe(false)
    gate.resolve('done')
    expect(await call).toBe('done')
    await leaving
    caller.close()
  })

  it('waits for a call that begins here while the peer reads the rest', async () => {
    const [peerSocket, socket] = await socketPair()
    const gate = Promise.withResolvers<string>()
    const wheel = new TimerWheel()
    const peer = rpcLink({ stream: socketStream(peerSocket), wheel, onRequest: () => gate.promise })
    const leaver = rpcLink({ stream: socketStream(socket), wheel, onRequest: never })
    peerSocket.pause()
    let gone = false
    const leaving = leaver.goAway().then(() => (gone = true))
    // All is written, and the peer has read nothing.
    await turn()
    const call = codeOf(leaver.call('a.b', 1))
    peerSocket.resume()
    await until(() => peer.stats.inbound === 1)
    await turn()
    expect(gone).toBe(false)
    gate.resolve('done')
    await leaving
    leaver.close()
    expect(await call).toBe('ok')
    peer.close()
  })

  it('is done only when the peer has read what was written', async () => {
    const { caller, callee, callerSocket } = await pairOf(() => 'x'.repeat(900_000))
    callerSocket.pause()
    const answers = Array.from({ length: 4 }, () => codeOf(caller.call('a.b', 1)))
    await until(() => callee.stats.callsServed === 4)
    let gone = false
    const leaving = callee.goAway().then(() => (gone = true))
    await turn()
    expect(gone).toBe(false)
    callerSocket.resume()
    await leaving
    callee.close()
    expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok', 'ok'])
  })

  it('waits no longer than the drain time', async () => {
    const { caller, callee } = await pairOf(never)
    const call = codeOf(caller.call('a.b', 1))
    await until(() => callee.stats.inbound === 1)
    await callee.goAway(30)
    callee.close()
    expect(await call).toBe('path_lost')
  })

  it.each([
    [30, 'Cannot call a.b: the link is closed; the peer said going away, and gave running calls 0.03 s'],
    [undefined, 'Cannot call a.b: the link is closed'],
  ])(
    'tells callers of calls that it ended the drain time that it gave, if it gave one: %s ms',
    async (drainMs, text) => {
      const { caller, callee } = await pairOf(never)
      const call = caller.call('a.b', 1).catch((error: unknown) => error)
      await until(() => callee.stats.inbound === 1)
      const gone = callee.goAway(drainMs)
      await until(() => !caller.usable)
      callee.close()
      expect(await call).toMatchObject({ code: 'path_lost', message: text })
      await gone
    },
  )
})

describe('whether the handler was begun', () => {
  const startedOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'begun',
      (error: MeshError) => `${error.code} ${error.notStarted ? 'not begun' : 'begun'}`,
    )

  it('is known of calls that a link refused, never wrote, or lost', async () => {
    const { caller, callee } = await pairOf(never, { inbound: 1 })
    const lost = startedOf(caller.call('a.b', 1))
    await until(() => callee.stats.inbound === 1)
    expect(await startedOf(caller.call('a.b', 2))).toBe('overloaded not begun')
    const unwritten = startedOf(caller.call('a.b', 3))
    caller.abort(new Error('cable cut'))
    expect([await lost, await unwritten]).toEqual(['path_lost begun', 'unavailable not begun'])
    expect(await startedOf(caller.call('a.b', 4))).toBe('unavailable not begun')
  })

  it('is known of calls that cross a going-away', async () => {
    const { caller, callee } = await pairOf(never)
    void callee.goAway(30)
    expect(await startedOf(caller.call('a.b', 1))).toBe('going_away not begun')
    expect(await startedOf(caller.call('a.b', 2))).toBe('going_away not begun')
  })

  it('is told by the callee only: a handler that ran into its deadline may have run', async () => {
    const { caller } = await pairOf(never)
    expect(await startedOf(caller.call('a.b', 1, { timeoutMs: 20 }))).toBe('deadline_exceeded begun')
  })
})

describe('limits of a link', () => {
  it('answer overloaded when too many handlers of a peer run, and take calls again when they end', async () => {
    const gate = Promise.withResolvers<number>()
    const { caller, callee } = await pairOf(() => gate.promise, { inbound: 2 })
    const calls = [1, 2, 3].map(n => codeOf(caller.call('a.b', n)))
    expect(await calls[2]).toBe('overloaded')
    expect(callee.stats.inbound).toBe(2)
    gate.resolve(1)
    expect(await Promise.all(calls)).toEqual(['ok', 'ok', 'overloaded'])
    expect(await codeOf(caller.call('a.b', 4))).toBe('ok')
  })

  it('refuse own calls over the outbound limit', async () => {
    const { caller } = await pairOf(never, { outbound: 1 })
    const first = codeOf(caller.call('a.b', 1, { timeoutMs: 50 }))
    expect(await codeOf(caller.call('a.b', 2))).toBe('overloaded')
    expect(await first).toBe('deadline_exceeded')
  })

  it('bound what waits for a stream that takes no more, and send it after the drain', async () => {
    const stream = slowStream()
    const wheel = new TimerWheel()
    const link = rpcLink({ stream, wheel, onRequest: never, limits: { heldBytes: 10_000 } })
    await turn()
    const call = async () => {
      const code = codeOf(link.call('a.b', 'x'.repeat(4_000)))
      await turn()
      return { code }
    }
    stream.accept = false
    const calls = [await call(), await call(), await call(), await call()]
    expect(stream.sent).toHaveLength(2)
    expect(link.stats.backlogBytes).toBeGreaterThanOrEqual(10_000)
    expect(await (await call()).code).toBe('overloaded')
    stream.accept = true
    stream.drain()
    expect(link.stats).toMatchObject({ backlogBytes: 0, heldBytes: 0 })
    calls.push(await call())
    link.close()
    expect(await Promise.all(calls.map(({ code }) => code))).toEqual(Array(5).fill('path_lost'))
    wheel.stop()
  })

  it('hold no more for a peer that asks and never reads, and keep the link', async () => {
    const limits = { heldBytes: 100_000, inbound: 200 }
    const { caller, callee, callerSocket } = await pairOf(() => 'x'.repeat(50_000), limits)
    callerSocket.pause()
    const calls: Promise<unknown>[] = []
    for (let batch = 0; batch < 10; batch++) {
      for (let i = 0; i < 200; i++) calls.push(codeOf(caller.call('a.b', 1)))
      await turn()
    }
    await until(() => callee.stats.inbound === 200)
    expect(callee.stats.heldBytes).toBeLessThan(200_000)
    callerSocket.resume()
    const codes = await Promise.all(calls)
    expect(codes.filter(code => code === 'ok').length).toBeGreaterThanOrEqual(200)
    expect(codes.filter(code => code !== 'ok' && code !== 'overloaded')).toEqual([])
  })
})

interface SlowStream extends ByteStream {
  accept: boolean
  sent: Uint8Array[]
  drain(): void
}

/** A stream that the test declares full or ready. */
function slowStream(): SlowStream {
  let onDrain = (): void => {}
  const stream: SlowStream = {
    accept: true,
    writable: true,
    sent: [],
    pause: () => {},
    resume: () => {},
    drain: () => onDrain(),
    send: chunk => {
      stream.sent.push(Buffer.concat([chunk].flat()))
      return stream.accept
    },
    onData: () => {},
    onDrain: callback => (onDrain = callback),
    onClose: () => {},
    close: () => {},
    abort: () => {},
  }
  return stream
}
