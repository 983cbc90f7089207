/** Asks the page as its browser does: with the cookie and the proof that the one-time address is exchanged for. */
import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'

export interface PageAnswer {
  status: number
  headers: IncomingMessage['headers']
  text: string
  json: () => Record<string, unknown>
}

interface Sent {
  method?: string
  body?: string
  headers?: Record<string, string>
}

/** A request with these headers alone: `fetch` would not let it choose the host. */
export async function askPage(
  url: string,
  path: string,
  { method = 'GET', body, headers = {} }: Sent = {},
): Promise<PageAnswer> {
  const sent = request(`${url}${path}`, { method, headers, agent: false })
  sent.end(body)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await reply.toArray()).toString()
  return {
    ...{ status: reply.statusCode ?? 0, headers: reply.headers, text },
    json: () => JSON.parse(text) as Record<string, unknown>,
  }
}

const json = { 'content-type': 'application/json' }

/** Exchanges the key of a one-time address. */
export const openPage = (url: string, key: string): Promise<PageAnswer> =>
  askPage(url, '/session', { method: 'POST', headers: json, body: JSON.stringify({ key }) })

export class PageClient {
  readonly url: string
  /** Of each of its requests. */
  readonly headers: Record<string, string>
  /** The header that gave it its cookie. */
  readonly setCookie: string

  private constructor(url: string, headers: Record<string, string>, setCookie: string) {
    this.url = url
    this.headers = headers
    this.setCookie = setCookie
  }

  static async open(oneTimeUrl: string): Promise<PageClient> {
    const { origin, hash } = new URL(oneTimeUrl)
    const opened = await openPage(origin, hash.replace('#key=', ''))
    if (opened.status !== 200) throw new Error(`the page answered ${opened.status}: ${opened.text}`)
    const setCookie = opened.headers['set-cookie']?.[0] ?? ''
    const cookie = setCookie.split(';')[0] ?? ''
    return new PageClient(origin, { cookie, 'mesh-page': String(opened.json()['proof']) }, setCookie)
  }

  get(path: string): Promise<PageAnswer> {
    return askPage(this.url, path, { headers: this.headers })
  }

  post(path: string, body: unknown): Promise<PageAnswer> {
    const headers = { ...this.headers, ...json }
    return askPage(this.url, path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  /** Messages of the live stream until `enough` says so. @throws Error when it ends before */
  async live(enough: (change: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    const ended = new AbortController()
    try {
      const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(60_000)])
      const { body } = await fetch(`${this.url}/api/live`, { headers: this.headers, signal })
      let text = ''
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
        const messages = (text + chunk).split('\n\n')
        text = messages.pop() ?? ''
        const found = messages.map(parsed).find(enough)
        if (found !== undefined) return found
      }
      throw new Error('the live stream ended')
    } finally {
      ended.abort()
    }
  }
}

const parsed = (message: string) => JSON.parse(message.replace('data: ', '')) as Record<string, unknown>
