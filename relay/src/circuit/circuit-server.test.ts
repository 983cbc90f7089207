import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { targetOf, TestTransports } from '@agent-mesh/agent/transport/testing/test-transports'
import type { RelayCandidate, Transport, TransportInit } from '@agent-mesh/agent/transport/index'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { circuitServer, type CircuitServer, type CircuitServerInit } from './circuit-server.ts'
import { msOf, quickest } from '../../../test/support/quickest.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.stop())

interface TestRelay {
  transport: Transport
  circuit: CircuitServer
  candidate: RelayCandidate
}

async function startRelay(
  name: string,
  circuitInit: CircuitServerInit = {},
  init: Partial<TransportInit> = {},
) {
  const member = await mesh.member(name, ['relay'])
  const start = async (listen: string): Promise<TestRelay> => {
    const circuit = circuitServer(circuitInit)
    const transport = await mesh.start(member, {
      listen: [listen],
      relay: circuit.relay,
      options: { maxLinks: circuit.limits.maxLinks },
      ...init,
    })
    circuit.attach(transport)
    return { transport, circuit, candidate: { peerId: transport.peerId, addrs: transport.addresses() } }
  }
  const relay = await start('/ip4/127.0.0.1/tcp/0')
  return { ...relay, restart: () => start(relay.candidate.addrs[0] as string) }
}

/** Starts an agent homed at relays. */
async function homed(name: string, relays: RelayCandidate[], init: Partial<TransportInit> = {}) {
  const transport = await mesh.join(name, { listen: [], ...init })
  const client = transport.relayClient({ options: { graceMs: 100 } })
  client.update(relays)
  await until(() => client.homeRelays().length === relays.length)
  return { transport, client }
}

/** Accepts connections and sends nothing. */
async function muteAddress() {
  const sockets: Socket[] = []
  const server = createServer(socket => void sockets.push(socket.on('error', () => {})))
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', () => listening.resolve())
  await listening.promise
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { addr: `/ip4/127.0.0.1/tcp/${port}`, [Symbol.dispose]: close }
}

/** What a relay answers to the first bytes of a dialler, which come before TLS; empty when it closes the connection. */
async function greeting({ addrs: [addr] }: RelayCandidate): Promise<string> {
  const [, , host = '', , port = ''] = (addr ?? '').split('/')
  const socket = connect(Number(port), host, () => socket.write('\x13/multistream/1.0.0\n'))
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.once('data', bytes => resolve(String(bytes)))
  socket.once('error', () => resolve(''))
  socket.once('close', () => resolve(''))
  const answer = await promise
  socket.destroy()
  return answer
}

describe('circuits', () => {
  it('carry a link between two members that dial no address of each other, encrypted end to end', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const caller = await mesh.join('caller', { listen: [] })
    const link = await caller.connect(targetOf(callee.transport, [relay.candidate]))
    expect(link).toMatchObject({
      path: 'relay',
      relayId: relay.candidate.peerId,
      peer: { peerId: callee.transport.peerId },
    })
    const back = await until(() => callee.transport.links.best(caller.peerId))
    expect(back).toMatchObject({ path: 'relay', peer: { credential: { name: 'caller' } } })
    expect(relay.circuit.circuits()).toBe(1)
    expect(mesh.errors).toEqual([])
  })

  it('carry more than the 128 KiB after which libp2p ends them', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const caller = await mesh.join('caller', { listen: [] })
    const link = await caller.connect(targetOf(callee.transport, [relay.candidate]))
    const back = await until(() => callee.transport.links.best(caller.peerId))
    let received = 0
    back.stream.onData(chunk => (received += chunk.byteLength))
    for (let sent = 0; sent < 16; sent++) link.stream.send(new Uint8Array(65_536))
    await until(() => received === 16 * 65_536)
    expect(link.state).toBe('up')
  })

  it('are used although a direct address is listed, when only relays are allowed', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate], { listen: ['/ip4/127.0.0.1/tcp/0'] })
    const caller = await mesh.join('caller', { listen: [] })
    const target = targetOf(callee.transport, [relay.candidate])
    expect(target.addrs).toHaveLength(1)
    expect(await caller.connect(target, { paths: 'relay' })).toMatchObject({ path: 'relay' })
    expect(caller.links.of(callee.transport.peerId)).toHaveLength(1)
  })

  it('are taken by a dial that began before the relay of the peer was known', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    using mute = await muteAddress()
    const target = { ...targetOf(callee.transport), addrs: [mute.addr] }
    let callers = 0
    const dial = async () => {
      const caller = await mesh.join(`caller-${++callers}`, { listen: [] })
      const since = performance.now()
      const both = [caller.connect(target), caller.connect({ ...target, relays: [relay.candidate] })]
      const [link, same] = await Promise.all(both)
      expect(link).toMatchObject({ path: 'relay' })
      expect(same).toBe(link)
      const ms = performance.now() - since
      expect(caller.dials.peers()).toEqual([])
      return ms
    }
    expect(await quickest(4_000, dial)).toBeLessThan(4_000)
  })

  it('go through the standby when the home relay is dead, and the callee reserves again when it returns', async () => {
    const [home, standby] = [await startRelay('relay-1'), await startRelay('relay-2')]
    const relays = [home.candidate, standby.candidate]
    const callee = await homed('callee', relays)
    const first = relays.find(({ peerId }) => peerId === callee.client.homeRelays()[0]) as RelayCandidate
    const killed = first === home.candidate ? home : standby
    await killed.transport.stop()
    const caller = await mesh.join('caller', { listen: [] })
    const target = targetOf(callee.transport, [first, ...relays.filter(relay => relay !== first)])
    const link = await caller.connect(target)
    expect(link).toMatchObject({ path: 'relay' })
    expect(link.relayId).not.toBe(first.peerId)

    let running: TestRelay | undefined
    const returned = async () => {
      await running?.transport.stop()
      await until(() => callee.client.homeRelays().length === 1)
      const { circuit } = (running = await killed.restart())
      const reserved = () => until(() => circuit.reservations().includes(callee.transport.peerId))
      const ms = await msOf(reserved)
      await until(() => callee.client.homeRelays().length === 2)
      return ms
    }
    expect(await quickest(2_000, returned)).toBeLessThan(2_000)
  })

  it('end when their relay dies, and the callers learn it', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const caller = await mesh.join('caller', { listen: [] })
    const link = await caller.connect(targetOf(callee.transport, [relay.candidate]))
    await relay.transport.stop()
    await link.closed
    expect(caller.links.best(callee.transport.peerId)).toBeUndefined()
  })

  it('go on while their relay drains, which refuses what dials it then before TLS', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const caller = await mesh.join('caller', { listen: [] })
    const link = await caller.connect(targetOf(callee.transport, [relay.candidate]))
    expect(await greeting(relay.candidate)).not.toBe('')
    relay.circuit.gate.drain()
    expect(await greeting(relay.candidate)).toBe('')
    expect(link.state).toBe('up')
    expect(relay.circuit.circuits()).toBe(1)
  })

  it('keep the link to their relay from idling away', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const caller = await mesh.join('caller', { listen: [], options: { idleMs: 0 } })
    await caller.connect(targetOf(callee.transport, [relay.candidate]))
    caller.links.sweep()
    expect(caller.links.best(relay.candidate.peerId)).toBeDefined()
  })
})

describe('a relay', () => {
  it('forgets the reservation of a member that left', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    expect(relay.circuit.reservations()).toEqual([callee.transport.peerId])
    await callee.transport.stop()
    await until(() => relay.circuit.reservations().length === 0)
  })

  it('refuses a reservation beyond its limit, and counts it', async () => {
    const relay = await startRelay('relay', { limits: { maxReservations: 1 } })
    await homed('first', [relay.candidate])
    const second = await mesh.join('second', { listen: [] })
    second.relayClient().update([relay.candidate])
    await until(() => (relay.circuit.gate.denied.get('reservations_full') ?? 0) > 0)
    expect(second.relayClient().homeRelays()).toEqual([])
  })

  it('refuses a circuit to a visitor beyond its limit', async () => {
    const denied: string[] = []
    const relay = await startRelay('relay', { limits: { maxVisitors: 1 } })
    relay.circuit.onDenied(({ reason }) => denied.push(reason))
    const callee = await homed('callee', [relay.candidate])
    const target = targetOf(callee.transport, [relay.candidate])
    const [one, two] = [await mesh.join('one', { listen: [] }), await mesh.join('two', { listen: [] })]
    const link = await one.connect(target)
    await expect(two.connect(target)).rejects.toMatchObject({ code: 'unavailable' })
    expect(denied).toEqual(['visitors_full'])
    await link.close()
    await until(() => relay.circuit.gate.visitors === 0)
    expect(await two.connect(target)).toMatchObject({ path: 'relay' })
  })

  it.each([
    ['of all members', { maxCircuits: 1 }],
    ['of one member', { maxCircuitsPerMember: 1 }],
  ])('refuses a circuit beyond the limit %s, and takes one again when one ended', async (_, limits) => {
    const relay = await startRelay('relay', { limits })
    const first = targetOf((await homed('first', [relay.candidate])).transport, [relay.candidate])
    const second = targetOf((await homed('second', [relay.candidate])).transport, [relay.candidate])
    const caller = await mesh.join('caller', { listen: [] })
    const link = await caller.connect(first)
    await expect(caller.connect(second)).rejects.toMatchObject({ code: 'unavailable' })
    expect([relay.circuit.gate.denied.get('circuits_full'), relay.circuit.circuits()]).toEqual([1, 1])
    await link.close()
    await until(() => relay.circuit.circuits() === 0)
    expect(await caller.connect(second)).toMatchObject({ path: 'relay' })
  })

  it('counts circuits of each member apart', async () => {
    const relay = await startRelay('relay', { limits: { maxCircuitsPerMember: 1 } })
    const target = targetOf((await homed('callee', [relay.candidate])).transport, [relay.candidate])
    for (const name of ['one', 'two'])
      expect(await (await mesh.join(name, { listen: [] })).connect(target)).toMatchObject({ path: 'relay' })
  })

  it('lets no member take all the ways to another', async () => {
    const relay = await startRelay('relay', { limits: { maxCircuitsPerPair: 1 } })
    const target = targetOf((await homed('callee', [relay.candidate])).transport, [relay.candidate])
    const greedy = await mesh.join('greedy', { listen: [] })
    greedy.links.suspect(await greedy.connect(target))
    await expect(greedy.connect(target)).rejects.toMatchObject({ code: 'unavailable' })
    expect(relay.circuit.gate.denied.get('circuits_full')).toBe(1)
    expect(await (await mesh.join('other', { listen: [] })).connect(target)).toMatchObject({ path: 'relay' })
  })

  it('takes nobody before it knows who is admitted', () => {
    const { gate } = circuitServer()
    expect(gate.denyReservation('a')).toBe(true)
    expect(gate.circuitDenial('a', 'b')).toBe('not_a_member')
  })

  it('refuses members that are neither agents nor relays', async () => {
    const relay = await startRelay('relay')
    const callee = await homed('callee', [relay.candidate])
    const admin = await mesh.start(await mesh.member('admin', ['admin']), { listen: [] })
    await expect(admin.connect(targetOf(callee.transport, [relay.candidate]))).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(relay.circuit.gate.denied.get('role_without_relay')).toBe(1)
  })

  it('refuses a member whose credential has expired since', async () => {
    let ahead = 0
    const relay = await startRelay('relay', { now: () => Date.now() + ahead })
    const callee = await homed('callee', [relay.candidate])
    ahead = 2 * 3600_000
    const caller = await mesh.join('caller', { listen: [] })
    await expect(caller.connect(targetOf(callee.transport, [relay.candidate]))).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(relay.circuit.gate.denied.get('credential_expired')).toBe(1)
  })

  it('homes no more agents than its limit', async () => {
    const relay = await startRelay('relay', { limits: { maxHomed: 1 } })
    relay.circuit.gate.claimHome('a')
    relay.circuit.gate.claimHome('a')
    expect(() => relay.circuit.gate.claimHome('b')).toThrow(expect.objectContaining({ code: 'overloaded' }))
    relay.circuit.gate.releaseHome('a')
    relay.circuit.gate.claimHome('b')
    expect(relay.circuit.gate.homed).toBe(1)
  })
})
