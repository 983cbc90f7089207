/**
 * The proxy of a network without any other way out: HTTP CONNECT to port 443 and nothing else. A process of its own,
 * because it listens on one network and connects on the other. `node connect-proxy.ts HOST PORT`
 */
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'

const [, , host = '127.0.0.1', port = '0'] = process.argv

export function startProxy(): Server {
  const server = createServer((_, reply) => reply.writeHead(405).end('CONNECT only\n'))
  server.on('connect', (request, client, head) => {
    const [, name = '', to = ''] = /^(?:\[?)([^\]]+?)\]?:(\d+)$/.exec(request.url ?? '') ?? []
    if (to !== '443') return void client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    const upstream = connect(443, name, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client)
      client.pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    upstream.on('close', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
  })
  return server
}

process.once('disconnect', () => process.exit())
startProxy().listen(Number(port), host, () => console.log(JSON.stringify({ event: 'ready' })))
