/** Streams through the agent of this machine: `POST /v1/stream` of its socket, see protocol/src/local-stream.ts. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  localStreamLine,
  type LocalStreamLine,
  type LocalStreamRequest,
} from '@agent-mesh/protocol/local-stream'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'
import { parseJson } from '@agent-mesh/protocol/parse'
import type { EncodedBody } from '@agent-mesh/protocol/wire/index'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { iteratorOf, type LinkStream, type LinkStreamOptions } from '../rpc/index.ts'
import { linesOf } from './lines.ts'
import { failureOf, openLocal, problemIn, requestBytes } from './local-socket.ts'

const path = '/v1/stream'

/** @param first the request without its params @throws MeshError as a call */
export async function openLocalStream(
  folder: string,
  { params, ...first }: Omit<LocalStreamRequest, 'params'> & { params: EncodedBody },
  { signal, input, encode, read = asItIs }: LinkStreamOptions,
): Promise<LinkStream> {
  const left = new AbortController()
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const sent = openLocal(folder, { path, type: 'application/x-ndjson', signal: either })
  const fail = (cause: unknown): MeshError =>
    cause instanceof MeshError ? cause : failureOf(cause, folder, { signal: either })
  // It ends with the reply: what cannot be sent behind that is not wanted.
  sent.on('error', () => undefined)
  try {
    const opened = once(sent, 'response')
    sent.write(`${lineOf(params, 'params', { ...first, ...(input !== undefined && { input: true }) })}\n`)
    const sending = input === undefined ? undefined : sendMessages(sent, input, encode!)
    sending?.catch((error: unknown) => left.abort(error))
    if (sending === undefined) sent.end()
    const [reply] = (await opened) as [IncomingMessage]
    if (reply.statusCode !== 200) throw problemIn(Buffer.concat(await reply.toArray()).toString(), path)
    return new LocalStream(reply, { read, left, fail })
  } catch (error) {
    sent.destroy()
    throw fail(error)
  }
}

interface LocalStreamInit {
  readonly read: (value: unknown) => unknown
  /** Ends it. */
  readonly left: AbortController
  readonly fail: (cause: unknown) => MeshError
}

/** Reads one message ahead of its reader: the end comes through although no message is read. */
class LocalStream implements LinkStream {
  readonly messages: AsyncIterableIterator<unknown, undefined>
  readonly result: Promise<unknown>
  readonly #lines: AsyncGenerator<string, void, undefined>
  readonly #init: LocalStreamInit
  readonly #ended = Promise.withResolvers<unknown>()
  #next: Promise<IteratorResult<unknown, undefined>>

  constructor(reply: IncomingMessage, init: LocalStreamInit) {
    this.#init = init
    this.#lines = linesOf(reply as AsyncIterable<Buffer>, requestBytes, 'the reply of the agent')
    this.result = this.#ended.promise
    this.result.catch(() => undefined)
    this.#next = this.#fetched()
    this.messages = {
      next: () => this.#take(),
      return: () => {
        this.cancel('its reader left')
        return Promise.resolve({ done: true, value: undefined })
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  cancel(reason = 'cancelled by the caller'): void {
    const error = new MeshError('cancelled', `Cannot read the stream: ${reason}`)
    this.#ended.reject(error)
    this.#init.left.abort(error)
  }

  #take(): Promise<IteratorResult<unknown, undefined>> {
    const current = this.#next
    this.#next = current.then(taken => (taken.done === true ? taken : this.#fetched()))
    this.#next.catch(() => undefined)
    return current
  }

  #fetched(): Promise<IteratorResult<unknown, undefined>> {
    const fetched = this.#fetch().catch((cause: unknown) => {
      const error = this.#init.fail(cause)
      this.#ended.reject(error)
      this.#init.left.abort(error)
      throw error
    })
    fetched.catch(() => undefined)
    return fetched
  }

  async #fetch(): Promise<IteratorResult<unknown, undefined>> {
    const { value: text } = await this.#lines.next()
    if (text === undefined)
      throw new MeshError('unavailable', 'Cannot read the stream: the agent has stopped')
    const line: LocalStreamLine = parseJson(
      localStreamLine,
      text,
      `read the reply of ${path}`,
      'protocol_error',
    )
    if (line.error !== undefined) throw problemIn(line.error, path)
    if (line.end === undefined) return { done: false, value: await this.#init.read(valueOfLocal(line)) }
    this.#ended.resolve(valueOfLocal(line.end))
    return { done: true, value: undefined }
  }
}

const asItIs = (value: unknown): unknown => value

/** JSON text as it was encoded once, and what follows it as base64. */
export function lineOf({ json, tail }: EncodedBody, name: 'params' | 'value', more: object = {}): string {
  const rest = tail === undefined ? more : { ...more, bytes: Buffer.from(tail).toString('base64') }
  const text = JSON.stringify(rest)
  if (json === undefined) return text
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"${name}":${json}}`
}

/** As fast as they are read. @throws what the input or its check throws: the stream ends with that */
async function sendMessages(
  sent: ClientRequest,
  input: NonNullable<LinkStreamOptions['input']>,
  encode: NonNullable<LinkStreamOptions['encode']>,
): Promise<void> {
  const source = iteratorOf(input, 'the input')
  try {
    for (;;) {
      const next = await source.next()
      if (next.done === true || sent.destroyed) break
      if (!sent.write(`${lineOf(await encode(next.value), 'value')}\n`)) await drained(sent)
    }
    sent.end()
  } catch (error) {
    throw toMeshError(error, 'application', 'send the input of the stream')
  } finally {
    await source.return?.()
  }
}

/** Resolves when more may be written, and when nothing more can be. */
function drained(sent: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    for (const event of ['drain', 'close'] as const) sent.once(event, () => resolve())
  })
}
