/**
 * What the conformance suite of Connect asks: its service behind the front of the gateway, without tokens. The suite starts it for each
 * kind of server, says on standard input how it shall be, and reads on standard output where it listens; it ends with its parent.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { alsoServe, connectAnswer, serveHttp2, serveRpc } from '@agent-mesh/cli'
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

import { conformanceService } from './conformance-service.ts'

const [types = ''] = process.argv.slice(2)
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(types)))
const typeOf = (name: string) => registry.getMessage(`connectrpc.conformance.v1.${name}`)!
const service = registry.getService('connectrpc.conformance.v1.ConformanceService')!

/** A message with its length in 4 bytes before it. */
async function read(): Promise<Uint8Array> {
  let held = Buffer.alloc(0)
  for await (const chunk of process.stdin) {
    held = Buffer.concat([held, chunk as Buffer])
    if (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) break
  }
  return held.subarray(4, 4 + held.readUInt32BE())
}

const wanted = fromBinary(typeOf('ServerCompatRequest'), await read()) as { messageReceiveLimit?: number }
const server = createServer((_, response) => response.writeHead(404).end())
const http2 = serveHttp2(server)
alsoServe(server, { socks: socket => socket.destroy(), http2: http2.serve })
const prefix = `/${service.typeName}/`
serveRpc(server, {
  wants: ({ url = '' }) => url.startsWith(prefix),
  load: async () => {
    const readMaxBytes = wanted.messageReceiveLimit || 1_000_000_000
    const routes = conformanceService(service, typeOf)
    const answer = await connectAnswer({ routes, readMaxBytes, jsonOptions: { registry } })
    return (request, response) => answer({ request, response })
  },
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const said = create(typeOf('ServerCompatResponse'), { host: '127.0.0.1', port } as Record<string, unknown>)
const bytes = toBinary(typeOf('ServerCompatResponse'), said)
const length = Buffer.alloc(4)
length.writeUInt32BE(bytes.length)
process.stdout.write(Buffer.concat([length, bytes]))
process.on('SIGTERM', () => process.exit(0))
