import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream'

export interface SuiteProxy {
  readonly url: string
  stop(): Promise<void>
}

/** Tools of the suite are named `test_x`; here `test` is a service and `x` its method. */
const named = (words: string): string => words.replace(/^test_(?!_)/, 'test__')

/**
 * Passes requests of the suite on to a gateway, with a token of it and the names that tools have there. All else, a false host too, passes
 * as it is.
 */
export async function suiteProxy(gateway: string, token: string): Promise<SuiteProxy> {
  const { hostname, port } = new URL(gateway)
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const pass = (body: string) => {
      const { 'content-length': _, 'transfer-encoding': __, 'mcp-name': name, ...more } = headers
      const sent = body.replace(/"name":"(test_[a-z_]+)"/, (_all, tool: string) => `"name":"${named(tool)}"`)
      const asked = request({
        ...{ hostname, port, method, path, agent: false },
        headers: {
          ...more,
          ...(typeof name === 'string' && { 'mcp-name': named(name) }),
          authorization: `Bearer ${token}`,
          // Its own name stands for that of the gateway.
          host: headers.host?.replace(`:${own}`, `:${port}`),
          ...(method === 'POST' && { 'content-length': Buffer.byteLength(sent) }),
        },
      })
      asked.on('response', (answer: IncomingMessage) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        pipeline(answer, outgoing, () => undefined)
      })
      asked.on('error', error => outgoing.destroy(error))
      outgoing.on('close', () => asked.destroy())
      asked.end(sent)
    }
    text(incoming).then(pass, (error: unknown) => outgoing.destroy(error as Error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = (server.address() as AddressInfo).port
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${own}`, stop }
}
