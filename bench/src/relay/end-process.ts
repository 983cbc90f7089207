/**
 * Ends of circuits in a process of their own. What they send over a circuit is not encrypted once more, and their TLS is
 * the native one with either relay, so that the relay and not its load generator is what is measured.
 */
import { nativeTls } from '@agent-mesh/agent'
import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const hop = '/libp2p/circuit/relay/0.2.0/hop'
const stop = '/libp2p/circuit/relay/0.2.0/stop'
const chunk = new Uint8Array(64 * 1024)
/** On their way through one circuit, as the window of a link within it would bound them; acknowledged by pieces of a chunk. */
const inFlight = 8 * chunk.length

/** What an end is asked. */
export interface EndRequest {
  /** Address of a relay to use from now on. */
  relay?: string
  /** Peer ids to open a circuit to, each. */
  targets?: string[]
  /** Sends over all circuits for so long. */
  sendMs?: number
}

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [nativeTls()],
  streamMuxers: [yamux()],
  // It aborts a connection whose ping is late, as on a busy machine.
  connectionMonitor: { enabled: false },
})
let connection: Connection | undefined
let received = 0
const circuits: Stream[] = []

const nextMessage = (stream: Stream): Promise<unknown> =>
  new Promise(resolve => stream.addEventListener('message', resolve, { once: true }))

/** StopMessage STATUS OK; then it counts. */
await node.handle(stop, async stream => {
  await nextMessage(stream)
  let since = 0
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength
    since += data.byteLength
    const told = Math.floor(since / chunk.length)
    since -= told * chunk.length
    if (told > 0) stream.send(new Uint8Array(told))
  })
  stream.send(Uint8Array.of(4, 0x08, 1, 0x20, 100))
})

/** A hello as members say it, then a reservation. */
async function join(relay: string): Promise<void> {
  connection = await node.dial(multiaddr(relay))
  const [hello] = await Promise.all([
    connection.newStream('/agent-mesh/hello/1.0.0'),
    connection.newStream('/agent-mesh/rpc/1.0.0'),
  ])
  const body = Buffer.from(JSON.stringify({ versions: [1], credential: 'e.e.e' }))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  const answer = nextMessage(hello)
  hello.send(Buffer.concat([head, body]))
  await answer
  await hello.close()
  const reservation = await connection.newStream(hop)
  const reserved = nextMessage(reservation)
  reservation.send(Uint8Array.of(2, 0x08, 0))
  await reserved
}

/** HopMessage CONNECT {peer {id}}. */
async function open(target: string): Promise<void> {
  if (connection === undefined) throw new Error('no relay yet')
  const id = peerIdFromString(target).toMultihash().bytes
  const peer = [0x0a, id.length, ...id]
  const stream = await connection.newStream(hop)
  const answer = nextMessage(stream)
  stream.send(Uint8Array.of(peer.length + 4, 0x08, 1, 0x12, peer.length, ...peer))
  await answer
  circuits.push(stream)
}

async function send(stream: Stream, until: number): Promise<void> {
  let free = inFlight / chunk.length
  const onTold = ({ data }: { data: { byteLength: number } }) => void (free += data.byteLength)
  stream.addEventListener('message', onTold)
  while (performance.now() < until || free < inFlight / chunk.length)
    if (free > 0 && performance.now() < until) {
      free--
      stream.send(chunk)
    } else await nextMessage(stream)
  stream.removeEventListener('message', onTold)
}

async function answer({ relay, targets = [], sendMs }: EndRequest): Promise<void> {
  if (relay !== undefined) await join(relay)
  for (const target of targets) await open(target)
  if (sendMs !== undefined) {
    const until = performance.now() + sendMs
    await Promise.all(circuits.map(stream => send(stream, until)))
  }
}

process.on('message', (request: EndRequest) => {
  answer(request).then(
    () => process.send?.({ received }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
process.send?.({ peerId: node.peerId.toString() })
