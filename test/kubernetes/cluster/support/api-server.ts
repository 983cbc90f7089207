/** Requests to an API server of Kubernetes on this machine, whose certificate it has made itself. */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'

/** It answers within this, ms. */
const askMs = 60_000

/** An object of Kubernetes, or a list of them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of every kind
export type Json = any

/** An answer that is no success. */
export class ApiFailure extends Error {
  readonly status: number

  constructor(status: number, what: string) {
    super(`${status}: ${what}`)
    this.status = status
  }
}

export class ApiServer {
  readonly #host: string
  readonly #port: number
  readonly #token: string

  constructor(host: string, port: number, token: string) {
    this.#host = host
    this.#port = port
    this.#token = token
  }

  /** @param body of a PATCH: a merge patch @throws ApiFailure, or Error where no answer comes within 60 s */
  ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Json> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': type }
    return new Promise((resolve, reject) => {
      const options = {
        host: this.#host,
        port: this.#port,
        method,
        path,
        headers,
        rejectUnauthorized: false,
        signal: AbortSignal.timeout(askMs),
      }
      const asked = request(options, response => void readAnswer(response).then(resolve, reject))
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

async function readAnswer(response: IncomingMessage): Promise<Json> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  const { statusCode = 0 } = response
  if (statusCode >= 300) throw new ApiFailure(statusCode, text.slice(0, 2_000))
  return text.startsWith('{') ? JSON.parse(text) : text
}
