import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import {
  targetOf,
  TestTransports,
  type TransportMember,
} from '@agent-mesh/agent/transport/testing/test-transports'
import type { Link, RelayCandidate, Transport, TransportInit } from '@agent-mesh/agent/transport/index'
import { upgradeProtocol } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../../test/support/free-port.ts'
import { until } from '../../../test/support/until.ts'
import { circuitServer } from './circuit-server.ts'

type Settings = NonNullable<TransportInit['upgrades']>
type Report = Parameters<NonNullable<Settings['onReport']>>[0]

let mesh: TestTransports
let relay: RelayCandidate
let reports: Report[]
const servers: Server[] = []
beforeEach(async () => {
  mesh = await TestTransports.create()
  reports = []
  const circuit = circuitServer({})
  const transport = await mesh.start(await mesh.member('relay', ['relay']), {
    relay: circuit.relay,
    options: { maxLinks: circuit.limits.maxLinks },
  })
  circuit.attach(transport)
  relay = { peerId: transport.peerId, addrs: transport.addresses() }
})
afterEach(async () => {
  await mesh.stop()
  for (const server of servers.splice(0)) server.close()
  expect(mesh.errors).toEqual([])
})

const listenOn = async (onSocket: (socket: Socket) => void): Promise<number> => {
  const server = createServer(onSocket).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

/**
 * Two ports that stand for the public ends of two NATs: dials of one meet dials of the other, and neither accepts
 * a connection.
 */
async function meetingPoint(): Promise<[string, string]> {
  const waiting: [Socket[], Socket[]] = [[], []]
  const arrive = (side: 0 | 1) => (socket: Socket) => {
    socket.on('error', () => {})
    const other = waiting[side === 0 ? 1 : 0].shift()
    if (other === undefined) return waiting[side].push(socket)
    socket.pipe(other).pipe(socket)
    socket.on('close', () => other.destroy())
    return other.on('close', () => socket.destroy())
  }
  const ports = [await listenOn(arrive(0)), await listenOn(arrive(1))]
  return ports.map(port => `/ip4/127.0.0.1/tcp/${port}`) as [string, string]
}

const unseen = () => ({ localPort: undefined, mapping: 'unknown' as const, addrs: [] })
const seenAt = (localPort: number, addr: string) => () => ({
  localPort,
  mapping: 'unknown' as const,
  addrs: [addr],
})

/** Two members, the lower peer id first. */
async function members(): Promise<[TransportMember, TransportMember]> {
  const both = [await mesh.member('a'), await mesh.member('b')]
  return both.sort((a, b) => (a.identity.peerId < b.identity.peerId ? -1 : 1)) as [
    TransportMember,
    TransportMember,
  ]
}

async function start(
  member: TransportMember,
  settings: Partial<Settings> | undefined,
  init: Partial<TransportInit> = {},
) {
  const upgrades = {
    relays: () => [relay],
    onReport: (report: Report) => void reports.push(report),
    ...settings,
  }
  const transport = await mesh.start(member, {
    listen: [],
    ...(settings === undefined ? {} : { upgrades }),
    ...init,
  })
  const client = transport.relayClient()
  client.update([relay])
  await until(() => client.homeRelays().length === 1)
  return transport
}

const pathTo = (from: Transport, to: Transport) => from.links.best(to.peerId)?.path

/** Bytes that come back from the other end of a link. */
async function echoed(link: Link, bytes: number): Promise<number> {
  const stream = await link.openStream('/echo/1.0.0')
  let received = 0
  stream.onData(chunk => (received += chunk.byteLength))
  stream.send(new Uint8Array(bytes))
  await until(() => received === bytes)
  stream.close()
  return received
}
const serveEcho = (transport: Transport) =>
  transport.handle('/echo/1.0.0', stream => stream.onData(chunk => void stream.send(chunk)))

describe('two members that listen nowhere', () => {
  it('punch through and leave the relay; what runs on the relayed link ends there', async () => {
    const { promise: done, resolve: finish } = Promise.withResolvers<void>()
    const [lower, higher] = await members()
    const [publicLower, publicHigher] = await meetingPoint()
    // On a busy machine WebRTC may come first, and further attempts leave it for TCP.
    const seen = async (addr: string) => ({ observed: seenAt(await freePort(), addr), retryMs: [500] })
    const a = await start(lower, await seen(publicLower), { retire: () => done })
    const b = await start(higher, await seen(publicHigher), { retire: () => done })
    await serveEcho(b)
    const relayed = await a.connect(targetOf(b, [relay]))
    expect(relayed.path).toBe('relay')
    await until(() => pathTo(a, b) === 'direct' && pathTo(b, a) === 'direct')
    expect(a.links.best(b.peerId)?.dialler).toBe(a.peerId)
    await until(() => relayed.state === 'retiring')
    expect(await echoed(relayed, 1000)).toBe(1000)
    expect(await echoed(a.links.best(b.peerId) as Link, 100_000)).toBe(100_000)
    finish()
    await until(() => a.links.of(b.peerId).length === 1 && b.links.of(a.peerId).length === 1)
    const upgraded = () => reports.filter(({ result, path }) => result === 'upgraded' && path === 'direct')
    await until(() => new Set(upgraded().map(({ peerId }) => peerId)).size === 2)
    await until(() => !a.upgrader?.state(b.peerId) && !b.upgrader?.state(a.peerId))
  })

  it('that TCP cannot bring together talk by WebRTC, and go on looking for TCP', async () => {
    const [lower, higher] = await members()
    const ports = { observed: unseen, retryMs: [50] }
    const [a, b] = [await start(lower, ports), await start(higher, ports)]
    await serveEcho(b)
    await a.connect(targetOf(b, [relay]))
    await until(() => pathTo(a, b) === 'webrtc' && pathTo(b, a) === 'webrtc')
    await until(() => a.links.of(b.peerId).length === 1)
    expect(await echoed(a.links.best(b.peerId) as Link, 1_000_000)).toBe(1_000_000)
    await until(() => (a.upgrader?.state(b.peerId)?.attempts ?? 0) > 1)
    await until(() =>
      reports.some(({ result, reason = '' }) => result === 'failed' && reason.includes('no relay said')),
    )
  })
})

it('who listens is dialled back by who cannot be dialled', async () => {
  const [lower, higher] = await members()
  const seen = seenAt(await freePort(), '/ip4/127.0.0.1/tcp/29999')
  const a = await start(lower, { observed: seen }, { listen: ['/ip4/127.0.0.1/tcp/0'] })
  const b = await start(higher, { observed: seen })
  await a.connect(targetOf(b, [relay]))
  await until(() => pathTo(a, b) === 'direct')
  expect(a.links.best(b.peerId)?.dialler).toBe(b.peerId)
})

describe('a member that keeps to relays', () => {
  it.each(['lower', 'higher'])(
    'stays relayed, as the %s of the two, and is not asked again and again',
    async who => {
      const [lower, higher] = await members()
      const willing: Partial<Settings> = { observed: unseen, retryMs: [1, 60_000] }
      const a = await start(lower, who === 'lower' ? undefined : willing)
      const b = await start(higher, who === 'higher' ? undefined : willing)
      await a.connect(targetOf(b, [relay]))
      if (who === 'higher') {
        await until(() => reports.length === 1)
        expect(reports[0]).toMatchObject({ result: 'refused', path: 'relay' })
        expect(a.upgrader?.state(b.peerId)?.last?.reason).toContain('keeps to relays')
      }
      expect([pathTo(a, b), reports.length]).toEqual(['relay', who === 'higher' ? 1 : 0])
    },
  )
})

describe('a hostile peer', () => {
  const means = { mapping: 'unknown' as const, local: [], listen: [], webrtc: true }

  /** Links to a victim through the relay, with no upgrader of its own. */
  async function attack(attacker: 'lower' | 'higher') {
    const [lower, higher] = await members()
    const [evil, good] = attacker === 'lower' ? [lower, higher] : [higher, lower]
    const victim = await start(good, { observed: seenAt(await freePort(), '/ip4/45.45.45.2/tcp/31000') })
    const from = await start(evil, undefined)
    const link = await from.connect(targetOf(victim, [relay]))
    await until(() => victim.links.best(from.peerId))
    return { link, open: () => open(link) }
  }

  /** Speaks the protocol by hand. */
  async function open(link: Link) {
    const stream = await link.openStream(upgradeProtocol)
    let answer = ''
    let closed = false
    stream.onData(chunk => (answer += Buffer.from(chunk).toString('latin1')))
    stream.onClose(() => (closed = true))
    const say = (message: object) => {
      const body = Buffer.from(JSON.stringify(message))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(body.length)
      stream.send(Buffer.concat([length, body]))
    }
    return { say, heard: () => answer, closed: () => closed }
  }

  it('cannot send this member to addresses that are not its own', async () => {
    let knocks = 0
    const port = await listenOn(() => knocks++)
    const { open, link } = await attack('lower')
    const { say, heard, closed } = await open()
    const target = `/ip4/127.0.0.1/tcp/${port}`
    say({
      ...means,
      type: 'offer',
      observed: [target, `/ip4/169.254.1.1/tcp/${port}`],
      local: [target],
      listen: [target],
    })
    await until(() => heard().includes('"answer"'))
    say({ type: 'sync' })
    await until(() => heard().includes('no address that may be dialled'))
    say({ type: 'result', reasons: [] })
    await until(closed)
    expect([knocks, link.state]).toEqual([0, 'up'])
  })

  it('that speaks out of turn or says too much loses the stream, not the link', async () => {
    const offer = { ...means, type: 'offer', observed: [] }
    const { open, link } = await attack('higher')
    const messages = [
      offer,
      { type: 'sync' },
      { type: 'offer', observed: 'everywhere' },
      { ...offer, observed: Array(99).fill('/ip4/45.45.45.9/tcp/31000') },
    ]
    for (const message of messages) {
      const { say, closed, heard } = await open()
      say(message)
      await until(closed)
      expect([heard(), link.state]).toEqual(['', 'up'])
    }
  })
})
