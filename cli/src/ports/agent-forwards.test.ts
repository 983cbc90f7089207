import { MeshError } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { openLocal } from '@agent-mesh/agent/gateway/local-socket'
import type { LocalForwardLine } from '@agent-mesh/protocol/local-forward'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { AgentForwards } from './agent-forwards.ts'
import { forwardByAgent } from './forward-by-agent.ts'
import { forwardLocally } from './local-forward.ts'
import { ownNetwork } from './own-network.ts'

let folder = ''
let server: LocalServer
let forwards: AgentForwards
let ends: Duplex[] = []
let failures: MeshError[] = []

const agent = {
  connect: (peer: string, port: string): Promise<Duplex> => {
    if (port === 'denied') return Promise.reject(new MeshError('permission_denied', `Cannot reach ${peer}`))
    const [own, other] = duplexPair()
    ends.push(other.on('error', () => {}))
    return Promise.resolve(own)
  },
}

async function serve(network = ownNetwork()): Promise<void> {
  forwards = new AgentForwards(agent, network)
  const daemon: Partial<LocalDaemon> = {
    forward: (request, { signal }) => forwards.listen(request, signal),
  }
  server = await serveLocal(folder, daemon as LocalDaemon)
}

beforeEach(async () => {
  ends = []
  failures = []
  folder = await mkdtemp(join(tmpdir(), 'forwards-'))
  await serve()
})
afterEach(async () => {
  await server.stop()
  await forwards.stop()
  await rm(folder, { recursive: true, force: true })
})

const unsignalled = new AbortController().signal
const failed = (error: MeshError) => failures.push(error)
const listen = (port = 0, name = 'ssh') =>
  forwardByAgent(
    folder,
    { peer: 'web-1', port: name },
    { listen: { host: '127.0.0.1', port }, failed },
    unsignalled,
  )

async function* unending(): AsyncGenerator<LocalForwardLine, void, undefined> {
  yield { listening: { host: '127.0.0.1', port: 1 } }
  await new Promise(() => {})
}

/** A reset of it is seen by who reads it. */
async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Waits for the agent however long this machine takes, not the second after which a command leaves. */
async function stopped(stop: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    await stop()
  } finally {
    vi.useRealTimers()
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1')
  const free = await once(probe, 'listening').then(
    () => true,
    () => false,
  )
  probe.close()
  return free
}

describe('an agent that listens for a command', () => {
  it('carries bytes both ways, and the end of each direction alone', async () => {
    const { port } = await listen()
    const socket = await connected(port)
    socket.end('from here')
    await vi.waitFor(() => expect(ends).toHaveLength(1), 20_000)
    expect(await text(ends[0]!)).toBe('from here')
    ends[0]!.end('from there')
    expect(await text(socket)).toBe('from there')
  })

  it('resets a connection whose other side fails', async () => {
    const { port } = await listen()
    const socket = await connected(port)
    await vi.waitFor(() => expect(ends).toHaveLength(1), 20_000)
    ends[0]!.destroy(new Error('reset'))
    await expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('tells why a connection was not carried, and listens on', async () => {
    const { port } = await listen(0, 'denied')
    for (const count of [1, 2]) {
      await expect(connected(port).then(text)).rejects.toMatchObject({ code: 'ECONNRESET' })
      await vi.waitFor(() => expect(failures).toHaveLength(count), 20_000)
    }
    expect(failures[0]).toMatchObject({ code: 'permission_denied', message: 'Cannot reach web-1' })
  })

  it('carries 1,000 connections at a time', async () => {
    const { port } = await listen()
    const sockets: Socket[] = []
    // Fewer than may wait to be accepted: the system drops what is beyond, and tries again seconds later.
    while (sockets.length < 1_000)
      sockets.push(...(await Promise.all(Array.from({ length: 200 }, () => connected(port)))))
    await vi.waitFor(() => expect(ends).toHaveLength(1_000), 20_000)
    for (const end of ends) end.end('x')
    const said = await Promise.all(sockets.map(socket => text(socket.end())))
    expect(new Set(said)).toEqual(new Set(['x']))
  })

  it('has freed the port and reset connections when it was asked to stop', async () => {
    const { port, stop, ended } = await listen()
    const reset = expect(text(await connected(port))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await vi.waitFor(() => expect(ends).toHaveLength(1), 20_000)
    await stopped(stop)
    expect(await isFree(port)).toBe(true)
    await Promise.all([reset, ended])
  })

  it('ends the listener and its connections with the connection of the command', async () => {
    const sent = openLocal(folder, { path: '/v1/forward', type: 'application/x-ndjson' })
    sent.on('error', () => {})
    const request = {
      peer: 'web-1',
      port: 'ssh',
      listen: { host: '127.0.0.1', port: 0 },
      network: ownNetwork(),
    }
    sent.write(`${JSON.stringify(request)}\n`)
    const [reply] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
    const [line] = (await once(
      reply.on('error', () => {}),
      'data',
    )) as [Buffer]
    const { port } = (JSON.parse(line.toString()) as { listening: AddressInfo }).listening
    const reset = expect(text(await connected(port))).rejects.toMatchObject({ code: 'ECONNRESET' })
    sent.destroy()
    await reset
    await vi.waitFor(async () => expect(await isFree(port)).toBe(true), 20_000)
  })

  it('has freed the port of a command that was stopped', async () => {
    const init = { to: { peer: 'web-1', port: 'ssh' }, listen: { host: '127.0.0.1', port: 0 }, failed }
    const { port, stop } = await forwardLocally(folder, init, unsignalled)
    const reset = expect(text(await connected(port))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await vi.waitFor(() => expect(ends).toHaveLength(1), 20_000)
    await stopped(stop)
    expect(await isFree(port)).toBe(true)
    await reset
  })

  it('is left when it does not end the listener in time', async () => {
    await server.stop()
    server = await serveLocal(folder, {
      forward: () => Promise.resolve(unending()),
    } as Partial<LocalDaemon> as LocalDaemon)
    const { stop, ended } = await listen()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stopping = stop()
    await vi.advanceTimersByTimeAsync(1_000)
    vi.useRealTimers()
    await Promise.all([stopping, ended])
  })

  it('frees all ports when it stops, and listens no more', async () => {
    const all = await Promise.all([listen(), listen()])
    const reset = expect(text(await connected(all[0].port))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await forwards.stop()
    expect(await Promise.all(all.map(({ port }) => isFree(port)))).toEqual([true, true])
    await Promise.all([reset, ...all.map(({ ended }) => ended)])
    await expect(listen()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('ends with its process', async () => {
    const { port, ended } = await listen()
    await server.stop()
    await ended
    await vi.waitFor(async () => expect(await isFree(port)).toBe(true), 20_000)
  })
})

describe('an agent that is asked to listen refuses', () => {
  it('a port in use, as the command does', async () => {
    const { port } = await listen()
    await expect(listen(port)).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot listen on 127.0.0.1:${port}: the port is in use`,
      hint: 'Choose another port.',
    })
  })

  it('a command of another network namespace', async () => {
    await server.stop()
    await serve('net:[1]')
    await expect(listen()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('more ports than it has room for, until others end', async () => {
    const all = await Promise.all(Array.from({ length: 64 }, () => listen()))
    await expect(listen()).rejects.toMatchObject({ code: 'overloaded' })
    await stopped(all[0]!.stop)
    await expect(listen()).resolves.toHaveProperty('port')
  })

  it.each([
    '{}',
    '{"peer":"web-1","port":"ssh","listen":{"host":"a b","port":1}}',
    '{"peer":"web-1","port":"ssh","listen":{"host":"::","port":70000}}',
    '{"peer":"web-1","port":"ssh","listen":{"host":"::","port":0},"network":"x"}',
    '{"peer":"web-1","port":"ssh","listen":{"host":"::","port":0},"more":1}',
  ])('%s', async line => {
    const sent = openLocal(folder, { path: '/v1/forward', type: 'application/x-ndjson' }).end(line)
    const [reply] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }]
    expect([reply.statusCode, JSON.parse(await text(reply))]).toMatchObject([
      400,
      { code: 'invalid_argument' },
    ])
  })
})

it('an agent that is stopped, or of an older version, is not asked in vain', async () => {
  await server.stop()
  await expect(listen()).rejects.toMatchObject({ code: 'unavailable' })
  server = await serveLocal(folder, {} as LocalDaemon)
  await expect(listen()).rejects.toMatchObject({ code: 'unsupported' })
})

it('a free port is one that nobody listens on', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  expect(await isFree((other.address() as AddressInfo).port)).toBe(false)
  other.close()
})
