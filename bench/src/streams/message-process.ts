/**
 * One end of a one-way flow of messages of 100 bytes, in a process of its own: `message-process.ts tls|mesh serve`, or
 * `message-process.ts tls|mesh read ADDRESS MESSAGES`. Raw TLS: frames of u32 length and the payload, 64 KiB of them in one write, no
 * credit but the socket's. Agent Mesh: a stream over one link of the agent's own transport, from an async generator to `for await`.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { rpcLink, TimerWheel, type OnRequest } from '@agent-mesh/agent'
import { encodeBody } from '@agent-mesh/protocol'
import { certificate } from '../contenders/certificate.ts'
import { payloadBytes } from '../contenders/contender.ts'
import { startTransport } from '../contenders/mesh-wire.ts'

const payload = Buffer.alloc(payloadBytes, 'x')
const frameBytes = 4 + payloadBytes
const frame = Buffer.concat([Buffer.from([0, 0, 0, payloadBytes]), payload])
const frames = Math.floor((64 * 1024) / frameBytes)
const batch = Buffer.concat(Array.from({ length: frames }, () => frame))

const tell = (message: object): void => void process.send?.(message)

/** Messages as a program makes them: one after the other, each copied into the write. */
async function pour(socket: TLSSocket): Promise<void> {
  while (!socket.destroyed) {
    const chunk = Buffer.allocUnsafe(batch.length)
    for (let n = 0; n < frames; n++) chunk.set(frame, n * frameBytes)
    if (!socket.write(chunk)) await once(socket, 'drain').catch(() => undefined)
  }
}

async function serveTls(): Promise<void> {
  const { key, cert } = await certificate()
  const server = createServer({ key, cert, minVersion: 'TLSv1.3' }, socket => {
    socket.on('error', () => socket.destroy())
    void pour(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  tell({ address: (server.address() as AddressInfo).port })
}

/** @returns ms for so many messages, from the first on */
async function readTls(port: number, messages: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  let rest: Buffer = Buffer.alloc(0)
  let seen = 0
  let began = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    began ||= performance.now()
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (data.length - at >= 4) {
      const end = at + 4 + data.readUInt32BE(at)
      if (end > data.length) break
      if (data.subarray(at + 4, end).length === payloadBytes) seen++
      at = end
    }
    rest = data.subarray(at)
    if (seen >= messages) break
  }
  return performance.now() - began
}

async function* messages(): AsyncGenerator<Uint8Array> {
  for (;;) yield payload
}

const pourStream: OnRequest = call => {
  call.stream?.begin()
  return call.stream?.sendAll(messages(), message => encodeBody(message, 'message'))
}

async function serveMesh(): Promise<void> {
  const transport = await startTransport(['/ip4/127.0.0.1/tcp/0'])
  const wheel = new TimerWheel()
  transport.links.onUp(({ stream }) => void rpcLink({ stream, wheel, onRequest: pourStream }))
  tell({ address: { peerId: transport.peerId, addrs: transport.addresses() } })
}

async function readMesh(address: { peerId: string; addrs: string[] }, messages: number): Promise<number> {
  const transport = await startTransport([])
  const { stream } = await transport.connect({ ...address, relays: [] })
  const link = rpcLink({ stream, wheel: new TimerWheel(), onRequest: () => undefined })
  const flow = await link.stream('bench.messages', undefined)
  let seen = 0
  let began = 0
  for await (const message of flow.messages) {
    began ||= performance.now()
    if ((message as Uint8Array).byteLength === payloadBytes) seen++
    if (seen >= messages) break
  }
  return performance.now() - began
}

const [contender, role, address = '', count = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
if (role === 'serve') await (contender === 'tls' ? serveTls() : serveMesh())
else {
  const read = contender === 'tls' ? readTls : readMesh
  tell({ ms: await read(JSON.parse(address) as never, Number(count)) })
}
