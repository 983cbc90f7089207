/** A real HTTP server on loopback that answers as a test says, and remembers what it was asked. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ServedRequest {
  method: string
  url: URL
  authorization: string | undefined
  ifNoneMatch: string | undefined
  body: Uint8Array<ArrayBuffer>
}

export interface ServedAnswer {
  status?: number
  headers?: Record<string, string>
  /** Objects go out as JSON. */
  body?: string | object
}

export class TestServer {
  readonly asked: ServedRequest[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(
    answer: (asked: ServedRequest, count: number) => ServedAnswer | Promise<ServedAnswer>,
  ): Promise<TestServer> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', headers } = request
        const url = new URL(request.url ?? '', `http://${headers.host}`)
        const asked = {
          method,
          url,
          authorization: headers.authorization,
          ifNoneMatch: headers['if-none-match'],
          body: new Uint8Array(Buffer.concat(chunks)),
        }
        test.asked.push(asked)
        void Promise.resolve(answer(asked, test.asked.length)).then(
          ({ status = 200, headers: more = {}, body = {} }) => {
            response.writeHead(status, more)
            response.end(typeof body === 'string' ? body : JSON.stringify(body))
          },
        )
      })
    })
    const test = new TestServer(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return test
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
