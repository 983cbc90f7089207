import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { queryObjects } from 'node:v8'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import type { AgentListener } from './forward-by-agent.ts'
import { forwardPort, type ForwardedPort } from './forward-port.ts'
import { keepForward, type KeptForwardInit } from './kept-forward.ts'

const free = { host: '127.0.0.1', port: 0 }
/** Why the agent does not listen. */
let refusal: ErrorCode | undefined
let failures: MeshError[] = []
/** Listeners of the agent that stop. */
let agents: { end: () => Promise<void> }[] = []
let kept: Pick<ForwardedPort, 'host' | 'port' | 'stop'> | undefined

beforeEach(() => {
  refusal = undefined
  failures = []
  agents = []
  kept = undefined
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  await kept?.stop()
  vi.useRealTimers()
})

/** Says who listens, and then what it is sent. */
const listenAs = (name: string, listen: typeof free) =>
  forwardPort({
    listen,
    open: () => {
      const echo = new PassThrough()
      echo.write(`${name} `)
      return Promise.resolve(echo)
    },
    failed: error => failures.push(error),
  })

async function byAgent(listen: typeof free): Promise<AgentListener> {
  if (refusal !== undefined) throw new MeshError(refusal, 'Cannot listen')
  const forwarded = await listenAs('agent', listen)
  const ended = Promise.withResolvers<void>()
  const end = async () => {
    await forwarded.stop()
    ended.resolve()
  }
  agents.push({ end })
  return { ...forwarded, ended: ended.promise, stop: end }
}

const here = (listen: typeof free) => listenAs('here', listen)

const keep = async (listen = free, more: Partial<KeptForwardInit> = {}) =>
  (kept = await keepForward({
    ...{ listen, byAgent, here, signal: new AbortController().signal },
    failed: error => failures.push(error),
    ...more,
  }))

/** A reset of it is seen by who reads it. */
const opened = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  await once(socket, 'connect')
  return socket
}
const said = async (port: number) => text((await opened(port)).end('hello'))
/** From one look at the agent to another. */
const says = (port: number, name: string) =>
  vi.waitFor(async () => {
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await said(port)).toBe(`${name} hello`)
  }, 20_000)

it('the agent listens, and this process on the same port from when the agent stops until it runs again', async () => {
  const { port } = await keep()
  await says(port, 'agent')
  refusal = 'unavailable'
  await agents[0]!.end()
  await says(port, 'here')
  const open = await opened(port)
  refusal = undefined
  await says(port, 'agent')
  // What this process carries goes on, and ends with the command.
  expect(await text(open.end('still'))).toBe('here still')
  expect(failures).toEqual([])
})

it('connections of both are reset when it stops, and the port is free', async () => {
  refusal = 'unavailable'
  const { port, stop } = await keep()
  const sockets = [await opened(port)]
  refusal = undefined
  await says(port, 'agent')
  sockets.push(await opened(port))
  const resets = sockets.map(socket => expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' }))
  await stop()
  await Promise.all(resets)
  await (await listenAs('other', { ...free, port })).stop()
})

it.each(['unsupported', 'permission_denied', 'unavailable', 'overloaded'] as const)(
  'this process listens beside an agent that refuses as %s',
  async code => {
    refusal = code
    const { port } = await keep()
    await says(port, 'here')
    expect(agents).toEqual([])
  },
)

it('a port in use is refused with the words of this process', async () => {
  const other = await listenAs('other', free)
  await expect(keep({ ...free, port: other.port })).rejects.toMatchObject({
    code: 'conflict',
    message: `Cannot listen on 127.0.0.1:${other.port}: the port is in use`,
  })
  await other.stop()
})

it('an interruption ends the wait for an agent that does not answer, and nothing listens', async () => {
  const interrupted = new AbortController()
  const here = vi.fn<KeptForwardInit['here']>()
  const asked = (_listen: unknown, signal: AbortSignal) =>
    new Promise<AgentListener>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('end'))),
    )
  const keeping = keep(free, { byAgent: asked, here, signal: interrupted.signal })
  interrupted.abort()
  await expect(keeping).rejects.toMatchObject({ code: 'cancelled' })
  expect(here).not.toHaveBeenCalled()
})

/** Listeners without sockets. */
function pretended(agent: () => ErrorCode | undefined, own: () => ErrorCode | undefined) {
  let end = () => {}
  const listening = { host: '127.0.0.1', port: 1, stop: () => Promise.resolve() }
  const answer = <T>(code: ErrorCode | undefined, listener: T) =>
    code === undefined ? Promise.resolve(listener) : Promise.reject(new MeshError(code, 'Cannot listen'))
  const byAgent = vi.fn<KeptForwardInit['byAgent']>(() => {
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    end = resolve
    return answer(agent(), { ...listening, ended })
  })
  const here = vi.fn<KeptForwardInit['here']>(() =>
    answer(own(), { ...listening, release: () => Promise.resolve() }),
  )
  return { byAgent, here, end: () => end() }
}

it('a port that another program has after a restart of the agent is said once, and tried until it is free', async () => {
  let isTaken = false
  const code = () => (isTaken ? 'conflict' : undefined)
  const { end, ...listeners } = pretended(code, code)
  await keep(free, listeners)
  isTaken = true
  end()
  await vi.advanceTimersByTimeAsync(900)
  expect(failures).toEqual([])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(failures).toMatchObject([{ code: 'conflict' }])
  expect(listeners.here.mock.calls.length).toBeLessThan(90)
  expect(listeners.byAgent.mock.calls.length).toBeLessThan(90)
  isTaken = false
  // This process may be the first to get it; the agent then listens beside it, as nothing here is in the way.
  await vi.advanceTimersByTimeAsync(3_000)
  const asked = listeners.byAgent.mock.calls.length
  await vi.advanceTimersByTimeAsync(10_000)
  expect(listeners.byAgent).toHaveBeenCalledTimes(asked)
  expect(failures).toHaveLength(1)
})

it('a port that another program takes at the hand-over is said at once', async () => {
  let agent: ErrorCode = 'unavailable'
  const listeners = pretended(
    () => agent,
    () => (agent === 'conflict' ? 'conflict' : undefined),
  )
  await keep(free, listeners)
  agent = 'conflict'
  await vi.advanceTimersByTimeAsync(1_000)
  expect(failures).toMatchObject([{ code: 'conflict' }])
  const before = listeners.here.mock.calls.length
  await vi.advanceTimersByTimeAsync(10_000)
  expect(listeners.here.mock.calls.length - before).toBeLessThan(12)
  expect(failures).toHaveLength(1)
})

it('what it holds does not grow while an agent is stopped', async () => {
  const listeners = pretended(
    () => 'unavailable',
    () => undefined,
  )
  await keep(free, listeners)
  await vi.advanceTimersByTimeAsync(10_000)
  listeners.byAgent.mockReset().mockRejectedValue(new MeshError('unavailable', 'Cannot listen'))
  const before = queryObjects(Promise, { format: 'count' })
  const turns = 300
  await vi.advanceTimersByTimeAsync(turns * 1_000)
  expect(listeners.byAgent.mock.calls.length).toBeGreaterThan(turns - 10)
  listeners.byAgent.mockClear()
  expect(queryObjects(Promise, { format: 'count' }) - before).toBeLessThan(turns / 2)
})
