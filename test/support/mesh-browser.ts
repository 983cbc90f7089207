/** Asks addresses of ports of members as a browser does: `http://web.server.mesh.localhost:8441/`. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'

export interface PortAnswer {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

interface Sent {
  method?: string
  body?: string
  headers?: Record<string, string | string[]>
}

/** What comes along when a person types an address. */
export const typed = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

/** A request with these headers alone. Names under localhost lead browsers to this machine; programs have to say so. */
export async function askPort(
  url: string,
  { method = 'GET', body, headers = {} }: Sent,
): Promise<PortAnswer> {
  const { host, port } = new URL(url)
  const path = url.slice(url.indexOf('/', 'http://'.length))
  const sent = request({
    ...{ host: '127.0.0.1', port, path, method, agent: false },
    headers: { host, ...headers },
  })
  sent.end(body)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await reply.toArray()).toString()
  return { status: reply.statusCode ?? 0, headers: reply.headers, text }
}

/** One tab, at one address. */
export class MeshBrowser {
  readonly origin: string
  /** As the browser sends it. */
  readonly cookie: string

  private constructor(origin: string, cookie: string) {
    this.origin = origin
    this.cookie = cookie
  }

  static async open(oneTimeUrl: string): Promise<MeshBrowser> {
    const { status, headers, text } = await askPort(oneTimeUrl, { headers: typed })
    const cookie = headers['set-cookie']?.[0]?.split(';')[0]
    if (status !== 303 || cookie === undefined)
      throw new Error(`Cannot open ${oneTimeUrl}: ${status} ${text.slice(0, 500)}`)
    return new MeshBrowser(new URL(oneTimeUrl).origin, cookie)
  }

  /** As a script of the page. */
  ask(path: string, { headers, ...sent }: Sent = {}): Promise<PortAnswer> {
    const own = { 'sec-fetch-site': 'same-origin', origin: this.origin, cookie: this.cookie }
    return askPort(`${this.origin}${path}`, { ...sent, headers: { ...own, ...headers } })
  }

  /** As a person, or a link. */
  visit(path: string, headers: Record<string, string> = typed): Promise<PortAnswer> {
    return askPort(`${this.origin}${path}`, { headers: { cookie: this.cookie, ...headers } })
  }
}
