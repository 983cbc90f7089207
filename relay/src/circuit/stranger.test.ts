import { generateIdentity } from '@agent-mesh/agent/identity/index'
import type { Transport } from '@agent-mesh/agent/transport/index'
import { createNode, type MeshNode } from '@agent-mesh/agent/transport/libp2p/node'
import { TestTransports } from '@agent-mesh/agent/transport/testing/test-transports'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { circuitServer, type CircuitServer } from './circuit-server.ts'

const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
/** HopMessage {type: RESERVE}, length-prefixed. */
const reserve = Uint8Array.of(2, 8, 0)

let mesh: TestTransports
let relay: Transport
let circuit: CircuitServer
let stranger: MeshNode

beforeEach(async () => {
  mesh = await TestTransports.create()
  circuit = circuitServer()
  relay = await mesh.start(await mesh.member('relay', ['relay']), {
    relay: circuit.relay,
    options: { helloMs: 1_000 },
  })
  circuit.attach(relay)
  stranger = await createNode({
    identity: await generateIdentity(),
    listen: [],
    maxConnections: 10,
    denyInbound: () => true,
    beforeServices: () => {},
  })
  await stranger.libp2p.start()
})
afterEach(async () => {
  await stranger.libp2p.stop()
  await mesh.stop()
})

const dial = (addr: string): Promise<Connection> =>
  stranger.core.transportManager.dial(multiaddr(addr), { signal: new AbortController().signal })

const relayAddr = () => `${relay.addresses()[0]}/p2p/${relay.peerId}`

describe('a stranger at a relay', () => {
  it('gets no reservation, not even an answer, and is cut off', async () => {
    const connection = await dial(relayAddr())
    const over = new Promise(resolve => connection.addEventListener('close', resolve))
    const stream = await connection.newStream(hopProtocol)
    let received = 0
    stream.addEventListener('message', ({ data }) => (received += data.byteLength))
    stream.send(reserve)
    await over
    expect(received).toBe(0)
    expect(circuit.reservations()).toEqual([])
  })

  it('gets no circuit to a member', async () => {
    const callee = await mesh.join('callee', { listen: [] })
    const client = callee.relayClient()
    client.update([{ peerId: relay.peerId, addrs: relay.addresses() }])
    await until(() => client.homeRelays().length === 1)
    await dial(relayAddr())
    await expect(dial(`${relayAddr()}/p2p-circuit/p2p/${callee.peerId}`)).rejects.toThrow()
    expect(callee.links.peers()).toEqual([relay.peerId])
    expect(circuit.circuits()).toBe(0)
  })
})

describe('a member behind a relay', () => {
  it('takes circuits only from relays it reserved at', async () => {
    const rogue = await mesh.join('rogue')
    const callee = await mesh.join('callee', { listen: [] })
    const link = await callee.connect({ peerId: rogue.peerId, addrs: rogue.addresses(), relays: [] })
    const back = await until(() => rogue.links.best(callee.peerId))
    const stream = await back.openStream('/libp2p/circuit/relay/0.2.0/stop')
    let received = 0
    stream.onData(chunk => (received += chunk.byteLength))
    const over = new Promise(resolve => stream.onClose(resolve))
    stream.send(reserve)
    await over
    expect(received).toBe(0)
    expect(link.state).toBe('up')
  })
})
