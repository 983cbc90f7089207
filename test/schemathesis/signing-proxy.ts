import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { needsNonce, signRequest, type Signer } from '@agent-mesh/protocol'
import type { TestPlane } from '../integration/control-plane-fixture.ts'
import { testSerial } from '../support/mesh-fixture.ts'

/** How far the clock of the mesh turns at each request, ms: what is limited by the second is not in the way. */
const turnMs = 10_000

/** The `Authorization` of requests that the proxy signs; others pass as they are. */
export const toBeSigned = 'signed by the proxy'

export interface SigningProxy {
  readonly url: string
  stop(): Promise<void>
}

/** Passes requests on, signed by `signer`: a tool that knows nothing of signatures speaks as that member or admin. */
export async function signingProxy(test: TestPlane, signer: Signer): Promise<SigningProxy> {
  /** Undefined for what no member could sign: an undeclared method, a query that is too long. */
  const authorization = (method: string, url: URL, body: Uint8Array<ArrayBuffer>) => {
    const nonce = needsNonce(method, url.pathname) ? { nonce: testSerial() } : {}
    const terms = { meshId: test.plane.meshId, now: test.clock.now(), ...nonce }
    return signRequest(signer, { method, url, body }, terms).catch(() => undefined)
  }
  const ask = async ({ method = 'GET', url: path = '/', headers }: IncomingMessage, body: Buffer) => {
    const url = new URL(path, test.plane.url)
    test.clock.advance(turnMs)
    const passed = { ...headers, host: url.host }
    if (headers.authorization === toBeSigned) {
      delete passed.authorization
      const signed = await authorization(method, url, new Uint8Array(body))
      if (signed !== undefined) passed.authorization = signed
    }
    const { hostname, port } = url
    const asked = request({ hostname, port, path, method, headers: passed, agent: false }).end(body)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return answer
  }
  const server = createServer((incoming, outgoing) => {
    buffer(incoming)
      .then(body => ask(incoming, body))
      .then(
        answer => answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers)),
        (error: unknown) => outgoing.writeHead(502).end(String(error)),
      )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}
