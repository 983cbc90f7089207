import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import type { AgentListener } from './forward-by-agent.ts'
import { forwardPort, type ForwardedPort } from './forward-port.ts'
import { keepForward } from './kept-forward.ts'

const free = { host: '127.0.0.1', port: 0 }
/** Why the agent does not listen. */
let refusal: ErrorCode | undefined
let isHereRefused = false
let failures: MeshError[] = []
/** Listeners of the agent that stop. */
let agents: { end: () => Promise<void> }[] = []
let kept: Pick<ForwardedPort, 'host' | 'port' | 'stop'> | undefined

beforeEach(() => {
  refusal = undefined
  isHereRefused = false
  failures = []
  agents = []
  kept = undefined
})
afterEach(() => kept?.stop())

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

async function here(listen: typeof free): Promise<ForwardedPort> {
  if (isHereRefused) throw new MeshError('permission_denied', 'Cannot listen here')
  return listenAs('here', listen)
}

const keep = async (listen = free) =>
  (kept = await keepForward({
    ...{ listen, byAgent, here },
    failed: error => failures.push(error),
  }))

const opened = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}
const said = async (port: number) => text((await opened(port)).end('hello'))
const says = (port: number, name: string) =>
  vi.waitFor(async () => expect(await said(port)).toBe(`${name} hello`), 20_000)

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

it('says once that nothing can listen, and lets the agent listen when it runs again', async () => {
  const { port } = await keep()
  refusal = 'unavailable'
  isHereRefused = true
  await agents[0]!.end()
  await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'permission_denied' }]), 20_000)
  refusal = undefined
  await says(port, 'agent')
  expect(failures).toHaveLength(1)
})
