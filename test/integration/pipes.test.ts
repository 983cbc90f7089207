import type { Agent, ExposedPort } from '@agent-mesh/agent'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
const servers: (() => void)[] = []
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(async () => {
  for (const stop of servers.splice(0)) stop()
  await mesh.stop()
})

/** A TCP server of this machine. @returns its port */
async function tcpServer(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Lets agents connect to these ports. */
const allow = (...ports: string[]): Promise<void> =>
  mesh.grant({ from: ['role:agent'], to: ports.map(port => `port:${port}`), allow: ['connect'] })

interface Pair {
  caller: Agent
  owner: Agent
}

/** @param paths `relay`: the pipe goes through a relay */
async function pair(port: ExposedPort, { paths = 'any' as 'any' | 'relay' } = {}): Promise<Pair> {
  await allow(port.name)
  await mesh.relay('relay-1')
  const owner = await mesh.agent({ name: 'owner', paths })
  owner.expose(port)
  const caller = await mesh.agent({ name: 'caller', paths })
  await vi.waitFor(() => expect(caller.peers().map(({ name }) => name)).toContain('owner'), 20_000)
  await vi.waitFor(() => caller.call('host.info', {}, { peer: 'owner', timeout: 5_000 }), 20_000)
  return { caller, owner }
}

const echo = (): Promise<number> => tcpServer(socket => socket.pipe(socket))

describe.each(['any', 'relay'] as const)('a pipe (paths: %s)', paths => {
  test('carries bytes both ways, and the end of each direction alone', async () => {
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    // Answers only when it has seen the end: half-close in both directions.
    const port = await tcpServer(socket => void buffer(socket).then(all => socket.end(digest(all))))
    const { caller } = await pair({ name: 'digest', to: { port } }, { paths })
    const pipe = await caller.connect('owner', 'digest')
    const bytes = randomBytes(8 << 20)
    pipe.end(bytes)
    expect((await buffer(pipe)).toString()).toBe(digest(bytes))
  })
})

describe('a pipe', () => {
  test('to a port that nobody exposes, that the policy or its owner does not allow, or behind which nothing answers, is refused with the reason', async () => {
    const { caller, owner } = await pair({ name: 'tagged', to: { port: await echo() }, allow: ['tag:ops'] })
    const refused = (port: string, peer = 'owner') => refusal(caller.connect(peer, port))
    expect(await refused('tagged')).toContain(
      'permission_denied: Cannot connect port:tagged: the owner of that machine opened it for tag:ops only',
    )
    expect(await refused('other')).toContain(
      'permission_denied: Cannot connect port:other: the policy grants',
    )
    await allow('nowhere', 'closed')
    await vi.waitFor(async () => expect(await refused('nowhere')).toContain('not_found'), 20_000)
    const free = await tcpServer(() => {})
    servers.pop()?.()
    owner.expose({ name: 'closed', to: { port: free } })
    expect(await refused('closed')).toContain(
      'unavailable: Cannot connect to port closed: nothing answers at',
    )
    expect(await refused('closed', 'nobody')).toContain('not_found')
    expect(await refused('No such!')).toContain('invalid_argument')
    expect(() => owner.expose({ name: 'closed', to: { port: free } })).toThrow(/exposed already/)
  })

  test('is reset at both ends by either, and by the loss of its link', async () => {
    let socket: Socket | undefined
    const port = await tcpServer(accepted => {
      socket = accepted
      accepted.resume()
    })
    const { caller, owner } = await pair({ name: 'hold', to: { port } })
    const failed = async (pipe: Duplex): Promise<unknown> => {
      const [error] = (await once(pipe, 'error')) as [unknown]
      return error
    }
    const atTarget = await caller.connect('owner', 'hold')
    const lost = failed(atTarget)
    await vi.waitFor(() => expect(socket).toBeDefined(), 20_000)
    socket?.resetAndDestroy()
    expect(await lost).toMatchObject({ code: 'path_lost' })

    socket = undefined
    const atCaller = await caller.connect('owner', 'hold')
    await vi.waitFor(() => expect(socket).toBeDefined(), 20_000)
    const reset = new Promise(resolve => socket?.on('close', resolve))
    atCaller.destroy()
    await reset

    const atLoss = await caller.connect('owner', 'hold')
    const gone = failed(atLoss)
    await owner.stop()
    expect(await gone).toMatchObject({ code: 'path_lost' })
  })

  test('makes a fast sender wait for a slow reader', async () => {
    const port = await tcpServer(() => {})
    const { caller } = await pair({ name: 'slow', to: { port } })
    const pipe = await caller.connect('owner', 'slow')
    const piece = Buffer.alloc(64 * 1024)
    let sent = 0
    // The socket behind it is never read: what fits is the buffers on the way.
    const before = process.memoryUsage().rss
    while (pipe.write(piece) || (await drained(pipe))) sent += piece.length
    expect(sent).toBeLessThan(64 << 20)
    expect(process.memoryUsage().rss - before).toBeLessThan(96 << 20)
    expect(await caller.call('host.info', {}, { peer: 'owner', timeout: 20_000 })).toBeDefined()
    pipe.destroy()
  })

  test('of an agent to itself', async () => {
    const port = await echo()
    const { owner } = await pair({ name: 'echo', to: { port } })
    const pipe = await owner.connect('owner', 'echo')
    pipe.end('self')
    expect((await buffer(pipe)).toString()).toBe('self')
  })

  test('ends within the drain time when its owner stops, and lets what is written arrive before', async () => {
    const { caller, owner } = await pair({
      name: 'handler',
      to: pipe => void buffer(pipe).then(all => pipe.end(`${all.length} bytes`)),
    })
    const pipe = await caller.connect('owner', 'handler')
    pipe.write(randomBytes(100))
    const stopped = owner.stop()
    pipe.end(randomBytes(100))
    expect((await buffer(pipe)).toString()).toBe('200 bytes')
    await stopped
  })

  test('more than 256 of one link are refused, and take their places again when others end', async () => {
    const { caller } = await pair({ name: 'many', to: pipe => void pipe.resume() })
    const open = () => caller.connect('owner', 'many', { timeout: 90_000 })
    const pipes = await Promise.all(Array.from({ length: 256 }, open))
    expect(await refusal(caller.connect('owner', 'many'))).toContain('overloaded')
    pipes[0]?.destroy()
    await vi.waitFor(async () => (await caller.connect('owner', 'many')).destroy(), 20_000)
    for (const pipe of pipes) pipe.destroy()
  })
})

/** Whether a stream takes more within a moment. */
async function drained(pipe: Duplex): Promise<boolean> {
  const signal = AbortSignal.timeout(1_000)
  return once(pipe, 'drain', { signal }).then(
    () => true,
    () => false,
  )
}
