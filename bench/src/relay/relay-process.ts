/** One relay in a process of its own: `relay-process.ts mesh|stock`. It sends its parent its address, and its CPU when asked. */
import { createTransport, generateIdentity } from '@agent-mesh/agent'
import type { Peer } from '@agent-mesh/protocol'
import { circuitServer } from '@agent-mesh/relay'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

const listen = ['/ip4/127.0.0.1/tcp/0']
const credential = { name: 'bench', roles: ['agent'], tags: [], exp: Number.MAX_SAFE_INTEGER / 1000 }

/** This project's, with its quotas counted but too high to be reached. */
async function mesh(): Promise<string> {
  const unlimited = {
    memberBytesPerSecond: 0,
    memberBytesPerDay: 0,
    totalBytesPerSecond: 0,
    totalBytesPerDay: 0,
  }
  const circuit = circuitServer({ traffic: unlimited })
  const signed = { credential: 'e.e.e', record: undefined }
  const transport = await createTransport({
    identity: await generateIdentity(),
    listen,
    relay: circuit.relay,
    hello: () => ({ versions: [1], credential: signed.credential }),
    admit: async (_hello, peerId) =>
      ({ peerId, version: 1, credential, record: undefined, signed }) as unknown as Peer,
  })
  circuit.attach(transport)
  await transport.start()
  return `${transport.addresses()[0]}/p2p/${transport.peerId}`
}

/** libp2p's, without its limits, which would end the circuits. It keeps open what ends say hello on. */
async function stock(): Promise<string> {
  const node = await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    // It aborts a connection whose ping is late, as on a busy machine.
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 10_000 },
    services: { relay: circuitRelayServer({ reservations: { applyDefaultLimit: false } }) },
  })
  const keep = (_stream: Stream): void => {}
  await node.handle('/agent-mesh/rpc/1.0.0', keep)
  await node.handle('/agent-mesh/hello/1.0.0', (stream: Stream) => {
    const hello = Buffer.from(JSON.stringify({ versions: [1], credential: 'e.e.e' }))
    const head = Buffer.alloc(4)
    head.writeUInt32BE(hello.length)
    stream.addEventListener('message', () => void stream.send(Buffer.concat([head, hello])), { once: true })
  })
  return String(node.getMultiaddrs()[0])
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuMicros: user + system })
})
process.on('disconnect', () => process.exit())
process.send?.({ address: await (process.argv[2] === 'mesh' ? mesh() : stock()) })
