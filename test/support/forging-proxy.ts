/** An attacker on the path to a control plane that speaks plain http: forwards requests, or answers them itself. */
import { problemOf, type MeshError } from '@agent-mesh/protocol'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ForgingProxy {
  readonly url: string
  /** Requests that it answered itself, `METHOD /path`. */
  readonly forged: string[]
  /** From now on answers with the result of this function; forwards the request when that is undefined. */
  forge(answer: (method: string, path: string) => MeshError | undefined): void
  stop(): Promise<void>
}

/** @param target base URL of the control plane */
export async function startForgingProxy(target: string): Promise<ForgingProxy> {
  const forged: string[] = []
  let answer: (method: string, path: string) => MeshError | undefined = () => undefined
  const server = createServer((incoming, reply) => {
    const { method = '', url = '', headers } = incoming
    const lie = answer(method, url)
    if (lie !== undefined) {
      forged.push(`${method} ${url}`)
      incoming.resume()
      reply.writeHead(lie.status, { 'content-type': 'application/problem+json' })
      return reply.end(JSON.stringify(problemOf(lie)))
    }
    const onward = request(new URL(url, target), { method, headers }, response => {
      reply.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(reply)
    })
    onward.on('error', () => reply.destroy())
    return incoming.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forged,
    forge: lies => void (answer = lies),
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
