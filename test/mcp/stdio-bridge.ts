/** For clients that start servers: passes their messages on to one that speaks HTTP. node stdio-bridge.ts URL */
import { createInterface } from 'node:readline'
import { StreamableHTTPClientTransport, type JSONRPCMessage } from '@modelcontextprotocol/client'

const [, , url = ''] = process.argv
const server = new StreamableHTTPClientTransport(new URL(url))
server.onmessage = message => {
  if ('result' in message && typeof message.result['protocolVersion'] === 'string')
    server.setProtocolVersion(message.result['protocolVersion'])
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
await server.start()
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as JSONRPCMessage
  server.send(message).catch((error: unknown) => {
    // A client that asks for what a server does not know gets an answer, as of one that speaks on its standard output.
    if ('id' in message && 'method' in message)
      process.stdout.write(
        `${JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32_000, message: String(error) } })}\n`,
      )
  })
}
await server.close()
