import { once } from 'node:events'
import { FrameEncoder, Tailed, encodeBody } from '@agent-mesh/protocol/wire/index'
import { MeshError } from '@agent-mesh/protocol/errors'
import { describe, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import type { InboundCall } from './calls/inbound-request.ts'
import type { OnRequest } from './calls/inbound-calls.ts'
import { socketStream } from './socket-stream.ts'
import { linkPairs, socketPair } from './testing/link-pair.ts'
import { TimerWheel } from '../core/timer-wheel.ts'
import { rpcLink } from './stream-link.ts'

const pairOf = linkPairs()

const echo: OnRequest = call => call.params()
const never: OnRequest = () => new Promise(() => {})
const failing = (code: string) => expect.objectContaining({ code }) as unknown

describe('rpc link', () => {
  it('carries JSON, bytes and both together there and back', async () => {
    const { caller } = await pairOf(echo)
    expect(await caller.call('a.b', { x: ['ü', 1, null] })).toEqual({ x: ['ü', 1, null] })
    expect(await caller.call('a.b', undefined)).toBeUndefined()
    expect(Buffer.from((await caller.call('a.b', Uint8Array.of(1, 2))) as Uint8Array)).toEqual(
      Buffer.from([1, 2]),
    )
    const both = (await caller.call('a.b', new Tailed({ n: 1 }, Uint8Array.of(9)))) as Tailed
    expect([both.value, [...both.tail]]).toEqual([{ n: 1 }, [9]])
  })

  it('carries calls in both directions and answers in any order', async () => {
    const { caller, callee } = await pairOf(async call => {
      const [order] = call.params() as [number]
      for (let turn = 0; turn < 10 - order; turn++) await new Promise(setImmediate)
      return order
    })
    const done: unknown[] = []
    const calls = [1, 2, 3].map(n => caller.call('a.b', [n]).then(value => done.push(value)))
    expect(await callee.call('x.y', 1)).toBe('caller')
    await Promise.all(calls)
    expect(done).toEqual([3, 2, 1])
  })

  it('sends the calls of one tick in one write', async () => {
    const { caller } = await pairOf(echo)
    const { writes } = caller.stats
    await Promise.all(Array.from({ length: 100 }, (_, i) => caller.call('a.b', i)))
    expect(caller.stats).toMatchObject({ callsMade: 100, writes: writes + 1, outbound: 0 })
  })

  it('tells the handler method, deadline and the idempotent flag', async () => {
    const { caller } = await pairOf(call => [call.method, call.idempotent, call.deadline - performance.now()])
    const [method, idempotent, left] = (await caller.call('math.add', 1, {
      idempotent: true,
      timeoutMs: 60_000,
    })) as [string, boolean, number]
    expect([method, idempotent]).toEqual(['math.add', true])
    expect(left).toBeGreaterThan(30_000)
    expect(left).toBeLessThanOrEqual(60_001)
  })

  it('measures the round trip', async () => {
    const { caller } = await pairOf(never)
    expect(await caller.ping()).toBeGreaterThan(0)
  })
})

describe('rpc link errors', () => {
  it('carries what the handler throws, without cause and stack', async () => {
    const errors = [
      new MeshError('permission_denied', 'Cannot call a.b: no', { cause: new Error('secret') }),
      new Error('boom'),
    ]
    const { caller } = await pairOf(() => {
      throw errors.shift()
    })
    const error: unknown = await caller.call('a.b', 1).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'permission_denied', message: 'Cannot call a.b: no' })
    expect((error as Error).cause).toBeUndefined()
    await expect(caller.call('a.b', 1)).rejects.toMatchObject({
      code: 'internal',
      message: 'Cannot call a.b: its handler failed',
    })
  })

  it('blames the handler, not the caller, for a result that no frame can carry', async () => {
    const results = [1n, 'x'.repeat(1_100_000)]
    const { caller } = await pairOf(() => results.shift())
    await expect(caller.call('a.b', 1)).rejects.toEqual(failing('application'))
    await expect(caller.call('a.b', 1)).rejects.toEqual(failing('too_large'))
    expect(await caller.call('a.b', 1)).toBeUndefined()
  })

  it('refuses params that no frame can carry before anything is sent', async () => {
    const { caller } = await pairOf(echo)
    const { writes } = caller.stats
    await expect(caller.call('a.b', 1n)).rejects.toEqual(failing('invalid_argument'))
    await expect(caller.call('a.b', 'x'.repeat(1_100_000))).rejects.toEqual(failing('too_large'))
    await expect(caller.call('', 1)).rejects.toEqual(failing('invalid_argument'))
    expect(caller.stats).toMatchObject({ writes, outbound: 0 })
  })

  it('aborts a stream that carries a malformed frame, and nothing else', async () => {
    const { callerSocket, callee, caller } = await pairOf(echo)
    const other = await pairOf(echo)
    callerSocket.write(Buffer.from('00000001ff', 'hex'))
    expect(await callee.closed).toEqual(failing('protocol_error'))
    await caller.closed
    await expect(caller.call('a.b', 1)).rejects.toEqual(failing('unavailable'))
    expect(await other.caller.call('a.b', 1)).toBe(1)
  })

  it('answers a request that needs a later version with unsupported', async () => {
    const [socket, peer] = await socketPair()
    const wheel = new TimerWheel()
    const link = rpcLink({ stream: socketStream(socket), wheel, onRequest: echo })
    await once(peer, 'data') // its settings
    peer.on('data', (data: Buffer) => {
      data[5] = 0x40
      peer.write(data)
    })
    const own = link.call('a.b', 1)
    const [answer] = (await once(peer, 'data')) as [Buffer]
    expect(answer[4]).toBe(1)
    peer.once('data', (data: Buffer) => expect(data.toString('latin1')).toContain('unsupported'))
    const encoder = new FrameEncoder()
    encoder.response(1, encodeBody(1, 'x'))
    const response = encoder.take()
    response[5] = 0x40
    peer.write(response)
    await expect(own).rejects.toEqual(failing('unsupported'))
    link.close()
    wheel.stop()
  })
})

describe('rpc link deadlines', () => {
  it('end the call at both ends', async () => {
    const { caller, callee } = await pairOf(never)
    // Long enough for a busy machine to send it.
    const late = caller.call('a.b', 1, { timeoutMs: 1_000 }).catch((error: unknown) => error)
    await until(() => callee.stats.inbound === 1)
    expect(await late).toEqual(failing('deadline_exceeded'))
    expect(caller.stats.outbound).toBe(0)
    await expect(caller.call('a.b', 1, { timeoutMs: 0 })).rejects.toEqual(failing('deadline_exceeded'))
    expect(callee.stats.inbound).toBe(1)
  })

  it('abort the handler of a caller that is silent', async () => {
    const [socket, peer] = await socketPair()
    const wheel = new TimerWheel()
    const aborted = Promise.withResolvers<unknown>()
    const onRequest = ({ signal }: InboundCall) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve(signal.reason)
          reject(signal.reason as Error)
        })
      })
    const link = rpcLink({ stream: socketStream(socket), wheel, onRequest })
    await once(peer, 'data') // its settings
    const encoder = new FrameEncoder()
    encoder.request(1, 'a.b', 40, false, encodeBody(1, 'x'))
    peer.write(encoder.take())
    const [answer] = (await once(peer, 'data')) as [Buffer]
    expect(answer.toString('latin1')).toContain('deadline_exceeded')
    expect(await aborted.promise).toEqual(failing('deadline_exceeded'))
    await until(() => link.stats.inbound === 0)
    link.close()
    wheel.stop()
  })

  it('cross the wire when the caller gives up', async () => {
    const reason = Promise.withResolvers<unknown>()
    const { caller, callee } = await pairOf(
      ({ signal }) =>
        new Promise(resolve => {
          signal.addEventListener('abort', () => {
            reason.resolve(signal.reason)
            resolve('late')
          })
        }),
    )
    const controller = new AbortController()
    const call = caller.call('a.b', 1, { signal: controller.signal })
    await until(() => callee.stats.inbound === 1)
    controller.abort()
    await expect(call).rejects.toEqual(failing('cancelled'))
    expect(await reason.promise).toEqual(failing('cancelled'))
    await until(() => callee.stats.inbound === 0)
    await expect(caller.call('a.b', 1, { signal: controller.signal })).rejects.toEqual(failing('cancelled'))
  })
})

describe('rpc link of a busy callee', () => {
  it('never starts a request that was read late and whose cancel stands behind it', async () => {
    let started = 0
    const { callee, callerSocket } = await pairOf(() => ++started)
    const frames = new FrameEncoder()
    frames.request(1, 'a.b', 5_000, false, encodeBody(undefined, 'nothing'))
    callerSocket.write(frames.take())
    await until(() => started === 1)
    frames.request(2, 'a.b', 5_000, false, encodeBody(undefined, 'nothing'))
    callerSocket.write(frames.take())
    frames.cancel(2)
    callerSocket.write(frames.take())
    frames.request(3, 'a.b', 5_000, false, encodeBody(undefined, 'nothing'))
    callerSocket.write(frames.take())
    block(100)
    await until(() => callee.stats.callsServed === 2)
    expect(started).toBe(2)
  })

  it('answers a ping between the handlers of a burst, and sheds the calls that would wait too long', async () => {
    const { caller } = await pairOf(() => block(5))
    const calls = Array.from({ length: 100 }, () => caller.call('a.b', undefined))
    const answered = Promise.allSettled(calls)
    await caller.ping()
    const results = await answered
    const shed = results.filter(({ status }) => status === 'rejected')
    expect(shed.length).toBeGreaterThan(0)
    expect(shed.length).toBeLessThan(100)
    for (const result of shed)
      expect(result).toMatchObject({ reason: { code: 'overloaded', notStarted: true } })
  })

  it('goes away and closes with requests in the queue without running them', async () => {
    let started = 0
    const { caller, callee } = await pairOf(() => {
      started++
      block(25)
    })
    const calls = Promise.allSettled(Array.from({ length: 5 }, () => caller.call('a.b', undefined)))
    await until(() => started > 0)
    callee.close()
    const before = started
    await calls
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    expect(started).toBe(before)
    expect(callee.stats.inbound).toBe(0)
  })
})

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
