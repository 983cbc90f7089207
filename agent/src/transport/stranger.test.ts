import type { Connection } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { helloProtocol } from '@agent-mesh/protocol'
import { rpcProtocol } from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { generateIdentity } from '../identity/index.ts'
import { until } from '../../../test/support/until.ts'
import { muxerOf } from './libp2p/hidden-parts.ts'
import { createNode, type MeshNode } from './libp2p/node.ts'
import { targetOf, TestTransports } from './testing/test-transports.ts'
import type { Transport } from './transport.ts'
import { quickest } from '../../../test/support/quickest.ts'

const identifyProtocol = '/ipfs/id/1.0.0'
const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

let mesh: TestTransports
let host: Transport
const strangers: MeshNode[] = []

beforeEach(async () => {
  mesh = await TestTransports.create()
  host = await mesh.join('host')
})
afterEach(async () => {
  await Promise.all(strangers.splice(0).map(({ libp2p }) => libp2p.stop()))
  await mesh.stop()
})

/** The host of the specs that wait for its guard. On a busy machine the time may be over before a hello: they try again. */
const hurry = async (helloMs = 300): Promise<void> => {
  host = await mesh.join('hurried', { options: { helloMs } })
}

/** A libp2p node with a valid key that knows nothing of meshes. */
async function stranger({ listens = false } = {}) {
  const identity = await generateIdentity()
  const node = await createNode({
    identity,
    listen: listens ? ['/ip4/127.0.0.1/tcp/0'] : [],
    maxConnections: 100,
    denyInbound: () => !listens,
    beforeServices: () => {},
  })
  strangers.push(node)
  await node.libp2p.start()
  const dial = (to = host, localAddress = '127.0.0.1'): Promise<Connection> => {
    const options = { signal: new AbortController().signal, localAddress }
    return node.core.transportManager.dial(multiaddr(`${to.addresses()[0]}/p2p/${to.peerId}`), options)
  }
  return { node, identity, dial }
}

const closed = (target: Connection): Promise<void> =>
  new Promise(resolve => {
    if (target.status === 'open') target.addEventListener('close', () => resolve())
    else resolve()
  })

/** A stream of a stranger. */
const opened = (protocol: string) =>
  vi.waitFor(async () => {
    const connection = await (await stranger()).dial()
    return { connection, stream: await connection.newStream(protocol) }
  }, 20_000)

const frame = (body: Uint8Array | string, length?: number): Buffer => {
  const bytes = Buffer.from(body as Uint8Array)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length ?? bytes.length)
  return Buffer.concat([head, bytes])
}

describe('a stranger without hello', () => {
  it('is aborted when its time is over, though it does nothing', async () => {
    await hurry(1_000)
    const { dial } = await stranger()
    const refused = { at: host.peerId, reason: { code: 'unauthenticated' } }
    const ms = await quickest(3_000, async () => {
      const before = mesh.refusals.length
      const since = performance.now()
      await closed(await dial())
      expect(mesh.refusals.slice(before)).toMatchObject([refused])
      return performance.now() - since
    })
    expect(ms).toBeGreaterThan(600)
    expect(ms).toBeLessThan(3_000)
    expect(host.links.size).toBe(0)
  })

  it.each([identifyProtocol, stopProtocol, '/test/1.0.0'])('gets no answer on %s', async protocol => {
    await hurry()
    let handled = 0
    await host.handle('/test/1.0.0', () => void handled++)
    const { connection, stream } = await opened(protocol)
    let received = 0
    stream.addEventListener('message', ({ data }) => (received += data.byteLength))
    stream.send(Uint8Array.of(2, 8, 0))
    await closed(connection)
    expect(received).toBe(0)
    expect(handled).toBe(0)
  })

  it('is not asked who it is', async () => {
    await hurry()
    const { node, dial } = await stranger()
    const asked: string[] = []
    node.libp2p.addEventListener('peer:identify', ({ detail }) => asked.push(detail.peerId.toString()))
    await closed(await dial())
    expect(asked).toEqual([])
  })

  it('cannot park many streams', async () => {
    // The end of the connection would reset all of them.
    const patient = await mesh.join('patient', { options: { helloMs: 60_000 } })
    const connection = await (await stranger()).dial(patient)
    const streams = await Promise.all(
      Array.from({ length: 12 }, () => connection.newStream(stopProtocol).catch(() => undefined)),
    )
    await until(() => streams.filter(stream => stream?.status === 'reset').length === 4)
  })

  it('cannot open streams by the hundred', async () => {
    await hurry(1_000)
    const { dial } = await stranger()
    const answered = await vi.waitFor(async () => {
      const connection = await dial()
      const answered = new Set<string>()
      for (let opened = 0; opened < 400; opened++) {
        const stream = await muxerOf(connection).createStream()
        stream.addEventListener('message', () => answered.add(stream.id))
        stream.send(Buffer.from('\x13/multistream/1.0.0\n'))
      }
      await closed(connection)
      expect(answered.size).toBeGreaterThan(0)
      return answered.size
    }, 60_000)
    expect(answered).toBeLessThan(40)
  })

  it('finds no place beside those already waiting, while members keep their links', async () => {
    const narrow = await mesh.join('narrow', { options: { helloMs: 2_000, maxPendingHellos: 2 } })
    const one = await stranger()
    await Promise.all([one.dial(narrow), one.dial(narrow, '127.0.0.2')])
    await vi.waitFor(() => expect(one.dial(narrow, '127.0.0.3')).rejects.toThrow(), 20_000)
  })

  it('leaves places to those who come from elsewhere', async () => {
    const fair = await mesh.join('fair', { options: { helloMs: 2_000, maxPendingHellos: 8 } })
    const one = await stranger()
    const first = await Promise.all([one.dial(fair), one.dial(fair)])
    await vi.waitFor(() => expect(one.dial(fair)).rejects.toThrow(), 20_000)
    expect((await one.dial(fair, '127.0.0.2')).status).toBe('open')
    for (const connection of first) connection.abort(new Error('done'))
    await until(() => one.dial(fair).catch(() => undefined))
  })
})

describe('a host that says nothing', () => {
  it('is not reached, and refused nobody', async () => {
    await hurry()
    const { node, identity } = await stranger({ listens: true })
    for (const protocol of [helloProtocol, rpcProtocol]) await node.libp2p.handle(protocol, () => {})
    const addrs = node.libp2p.getMultiaddrs().map(addr => addr.decapsulate('/p2p').toString())
    await expect(host.connect({ peerId: identity.peerId, addrs, relays: [] })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no hello within 300 ms') as string,
    })
    expect(mesh.refusals).toEqual([])
  })

  it('is not dialled when no time is left', async () => {
    const target = { peerId: (await stranger()).identity.peerId, addrs: ['/ip4/127.0.0.1/tcp/9'], relays: [] }
    const late = host.connect(target, { deadline: performance.now() - 1 })
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(host.dials.peers()).toEqual([])
  })
})

describe('a hello', () => {
  /** Sends raw bytes as hello. @returns what was received until the connection was closed, as text */
  const say = async (bytes: Uint8Array): Promise<string> => {
    const { connection, stream } = await opened(helloProtocol)
    const over = closed(connection)
    let text = ''
    stream.addEventListener(
      'message',
      ({ data }) => (text += Buffer.from(data.subarray()).toString('latin1')),
    )
    stream.send(bytes)
    await over
    return text
  }

  it.each([
    ['that is no JSON', frame('hello'), 'protocol_error'],
    ['with unknown shape', frame('{"versions":"all"}'), 'protocol_error'],
    ['of null', frame('null'), 'protocol_error'],
    ['announcing 4 GB', frame('x', 0xffffffff), 'protocol_error'],
    ['announcing nothing', frame(''), 'protocol_error'],
    ['with a forged credential', frame('{"versions":[1],"credential":"e30.e30.e30"}'), 'unauthenticated'],
  ])('%s is refused, and the connection closed', async (_, bytes, code) => {
    await hurry()
    await vi.waitFor(async () => expect(await say(bytes)).toContain(`{"refused":"${code}"}`), 20_000)
    expect(host.links.size).toBe(0)
  })

  it('that stops half way ends with the guard', async () => {
    await hurry()
    expect(await say(frame('{"versions":', 100))).not.toContain('credential')
    expect(mesh.refusals.at(-1)?.at).toBe(host.peerId)
  })

  it('with the credential of another member is refused', async () => {
    await hurry()
    const member = await mesh.member('member')
    const bytes = frame(JSON.stringify(member.ports.hello()))
    const refused = '{"refused":"unauthenticated"}'
    await vi.waitFor(async () => expect(await say(bytes)).toContain(refused), 20_000)
  })

  it('of another mesh is refused at both ends', async () => {
    const foreign = await TestTransports.create()
    try {
      const visitor = await foreign.join('visitor')
      await expect(visitor.connect(targetOf(host))).rejects.toMatchObject({
        code: 'unauthenticated',
      })
      await until(() => host.links.size + visitor.links.size === 0)
    } finally {
      await foreign.stop()
    }
  })

  it('of a revoked member is refused, and it is told so', async () => {
    const member = await mesh.member('revoked')
    mesh.revoked.add(member.identity.peerId)
    const transport = await mesh.start(member)
    await expect(transport.connect(targetOf(host))).rejects.toMatchObject({
      code: 'revoked',
      message: expect.stringContaining('it refused this member (revoked)') as string,
    })
  })

  it.each(['removed', 'replaced'] as const)(
    'of a member that was %s is refused with that word',
    async how => {
      const member = await mesh.member(how)
      mesh.endedSerials.add(member.serial)
      mesh.ended.set(member.serial, { peerId: member.identity.peerId, how, at: undefined })
      const transport = await mesh.start(member)
      await expect(transport.connect(targetOf(host))).rejects.toMatchObject({
        message: expect.stringContaining(`it refused this member (${how})`) as string,
      })
      await until(() =>
        mesh.refusals.some(({ reason }) => reason.message === `Cannot admit ${how}: it was ${how}`),
      )
    },
  )

  it('makes no link when there is a second one on the same connection', async () => {
    await hurry()
    const member = await mesh.member('twice')
    const hello = frame(JSON.stringify(member.ports.hello()))
    const { connection, stream: first } = await opened(helloProtocol)
    await byteStream(first).write(hello)
    const second = await connection.newStream(helloProtocol).catch(() => undefined)
    if (second?.status === 'open') second.send(hello)
    await closed(connection)
    expect(host.links.size).toBe(0)
  })
})
