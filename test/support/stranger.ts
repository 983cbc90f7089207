/** The tools of an attacker: a plain libp2p node without the mesh's code, which sends any bytes. */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { helloProtocol, parseJson, publicKeyOf, rpcProtocol } from '@agent-mesh/protocol'
import { createLibp2p, type Libp2p } from 'libp2p'
import * as z from 'zod/mini'
import { testKey, type TestKey } from './mesh-fixture.ts'

/** A member's address without its peer id, and the peer id. */
export interface Door {
  peerId: string
  addr: string
}

/** One connection of a stranger. */
export interface Visit {
  readonly connection: Connection
  /** Resolves with how many milliseconds it lasted. */
  readonly over: Promise<number>
  open(protocol: string): Promise<Stream>
  /** Sends bytes on a stream of its own, and resolves with all bytes received before it or the connection ended. */
  say(protocol: string, bytes: Uint8Array): Promise<Buffer>
  /** Says hello, hangs up unless admitted. @returns the answer, `{}` when there was none */
  hello(hello: unknown): Promise<Record<string, unknown>>
}

export interface Stranger {
  readonly key: TestKey
  visit(door: Door): Promise<Visit>
  stop(): Promise<void>
}

export const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
/** HopMessage {type: RESERVE}, length-prefixed. */
export const reserveMessage = Uint8Array.of(2, 8, 0)

/** HopMessage {type: CONNECT, peer: {id}}, length-prefixed. */
export function connectMessage(peerId: string): Uint8Array {
  const id = Buffer.concat([Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20), publicKeyOf(peerId)])
  const peer = Buffer.concat([Uint8Array.of(0x0a, id.length), id])
  const message = Buffer.concat([Uint8Array.of(0x08, 0x01, 0x12, peer.length), peer])
  return Buffer.concat([Uint8Array.of(message.length), message])
}

/** A message behind its 4-byte length, as hello has it. @param length written instead of the true one */
export function lengthPrefixed(body: string | Uint8Array, length?: number): Buffer {
  const bytes = Buffer.from(body as Uint8Array)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length ?? bytes.length)
  return Buffer.concat([head, bytes])
}

/** @param key its identity; a member's, when the attacker has stolen or been given one */
export async function stranger(key?: TestKey): Promise<Stranger> {
  const own = key ?? (await testKey())
  const { d, x } = own.privateJwk as { d: string; x: string }
  const raw = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')])
  const node = await createLibp2p({
    privateKey: privateKeyFromRaw(raw),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
  })
  return {
    key: own,
    visit: async ({ addr, peerId }) => visitOf(await dial(node, `${addr}/p2p/${peerId}`)),
    stop: async () => node.stop(),
  }
}

/** Each visit is a connection of its own. */
const dial = (node: Libp2p, addr: string): Promise<Connection> =>
  node.dial(multiaddr(addr), { force: true, signal: AbortSignal.timeout(20_000) })

function visitOf(connection: Connection): Visit {
  const began = performance.now()
  const over = new Promise<number>(resolve => {
    const ended = () => resolve(performance.now() - began)
    if (connection.status === 'open') connection.addEventListener('close', ended)
    else ended()
  })
  const open: Visit['open'] = protocol => connection.newStream(protocol, { negotiateFully: false })
  const say: Visit['say'] = async (protocol, bytes) => {
    const stream = await open(protocol).catch(() => undefined)
    if (stream === undefined) return Buffer.alloc(0)
    const heard: Uint8Array[] = []
    stream.addEventListener('message', ({ data }) => heard.push(Buffer.from(data.subarray())))
    const ended = new Promise<unknown>(resolve => stream.addEventListener('close', resolve))
    if (stream.status === 'open') {
      stream.send(bytes)
      await Promise.race([over, ended])
    }
    return Buffer.concat(heard)
  }
  return { connection, over, open, say, hello: hello => sayHello(connection, over, hello) }
}

async function sayHello(
  connection: Connection,
  over: Promise<number>,
  hello: unknown,
): Promise<Record<string, unknown>> {
  const stream = await connection.newStream(helloProtocol)
  await connection.newStream(rpcProtocol, { negotiateFully: false })
  let heard = Buffer.alloc(0)
  const whole = new Promise<unknown>(resolve =>
    stream.addEventListener('message', ({ data }) => {
      heard = Buffer.concat([heard, Buffer.from(data.subarray())])
      if (heard.length >= 4 && heard.length >= 4 + heard.readUInt32BE()) resolve(undefined)
    }),
  )
  stream.send(lengthPrefixed(JSON.stringify(hello)))
  await Promise.race([whole, over])
  if (heard.length < 4) return {}
  const answer = parseJson(z.record(z.string(), z.unknown()), heard.subarray(4).toString(), 'read answer')
  if ('refused' in answer) {
    connection.abort(new Error('turned away'))
    await over
  }
  return answer
}
