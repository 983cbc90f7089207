import { defineService } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { msOf, quickest } from '../support/quickest.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const pace = defineService({
  name: 'pace',
  version: 1,
  methods: {
    now: { params: z.unknown(), result: z.string(), idempotent: true },
    /** Answers each second time it is asked: the question before goes unanswered. */
    held: { params: z.unknown(), result: z.number(), idempotent: true },
    /** Yields once, then waits. */
    ticks: { params: z.unknown(), yields: z.number(), result: z.unknown() },
  },
})

let mesh: LocalMesh
let proxy: TcpProxy | undefined
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(async () => {
  proxy?.release()
  await mesh.stop()
  await proxy?.stop()
})

/** Two agents with a relay between them, whose direct path can fall silent. */
async function pair() {
  await mesh.relay('relay')
  const target = await freePort()
  proxy = await startTcpProxy(target)
  let asked = 0
  const callee = await mesh.agent({
    name: 'callee',
    listen: [`/ip4/127.0.0.1/tcp/${target}`],
    announce: [`/ip4/127.0.0.1/tcp/${proxy.port}`],
  })
  callee.serve({
    contract: pace,
    handlers: {
      now: () => 'here',
      ticks: async function* (_, { signal }) {
        yield 1
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      },
      held: () => (++asked % 2 === 1 ? new Promise<number>(() => undefined) : asked),
    },
  })
  const caller = await mesh.agent({ name: 'caller', listen: [], contracts: [pace] })
  await vi.waitFor(async () => {
    expect(await caller.ask('pace.now', null, { peer: 'callee' })).toMatchObject({ path: 'direct' })
    expect(callee.status().relays).toHaveLength(1)
    const known = caller.peers().find(({ name }) => name === 'callee')
    expect(known).toMatchObject({ path: 'direct', online: true })
  }, 30_000)
  return { caller, callee, proxy, asked: () => asked }
}

/** The direct path is used again. */
const isDirect = (caller: Awaited<ReturnType<typeof pair>>['caller']) =>
  vi.waitFor(async () => {
    // One to the relay, one to the callee; the one over the relay is retired.
    expect(caller.status().links).toEqual({ direct: 2, webrtc: 0, relay: 0 })
    expect(await caller.ask('pace.now', null, { peer: 'callee' })).toMatchObject({ path: 'direct' })
  }, 30_000)

describe('a direct path that falls silent', () => {
  test('is suspect within 3 s: new calls and those that may run twice go on over the relay', async () => {
    const { caller, proxy, asked } = await pair()
    const silentMs = async () => {
      const before = asked()
      const inFlight = caller.call('pace.held', null, { peer: 'callee', timeout: 20_000 })
      await vi.waitFor(() => expect(asked()).toBe(before + 1), 20_000)
      proxy.hold()
      const ms = await msOf(async () => expect(await inFlight).toBe(before + 2))
      expect(await caller.ask('pace.now', null, { peer: 'callee' })).toMatchObject({ path: 'relay' })
      proxy.release()
      await isDirect(caller)
      return ms
    }
    expect(await quickest(5_000, silentMs)).toBeLessThan(5_000)
  })

  test('ends its streams with path_lost long before the link, and they open again over the relay', async () => {
    const { caller, proxy } = await pair()
    const open = async () => {
      const stream = caller.stream('pace.ticks', null, { peer: 'callee' })
      expect(await stream.next()).toEqual({ done: false, value: 1 })
      return stream
    }
    const lost = async () => {
      await isDirect(caller)
      const stream = await open()
      proxy.hold()
      const ms = await msOf(async () => expect(stream.result).rejects.toMatchObject({ code: 'path_lost' }))
      const again = await open()
      again.cancel()
      proxy.release()
      return ms
    }
    // The link closes after 15 s.
    expect(await quickest(10_000, lost)).toBeLessThan(10_000)
  })
})
