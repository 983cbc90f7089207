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
import { iteratorOf, type LinkStream, type LinkStreamOptions } from '../rpc/index.ts'
import { openLines, type LocalLines } from './local-lines.ts'
import { problemIn, requestBytes } from './local-socket.ts'

const path = '/v1/stream'

/** @param first the request without its params @throws MeshError as a call */
export async function openLocalStream(
  folder: string,
  { params, ...first }: Omit<LocalStreamRequest, 'params'> & { params: EncodedBody },
  { signal, input, encode, read = asItIs }: LinkStreamOptions,
): Promise<LinkStream> {
  const reply = await openLines(folder, {
    ...{ path, signal, mostBytes: requestBytes },
    first: lineOf(params, 'params', { ...first, ...(input !== undefined && { input: true }) }),
    input: input === undefined ? undefined : encodedLines(input, encode!),
  })
  return new LocalStream(reply, read)
}

/** Reads one message ahead of its reader: the end comes through although no message is read. */
class LocalStream implements LinkStream {
  readonly messages: AsyncIterableIterator<unknown, undefined>
  readonly result: Promise<unknown>
  readonly #reply: LocalLines
  readonly #read: (value: unknown) => unknown
  readonly #ended = Promise.withResolvers<unknown>()
  #next: Promise<IteratorResult<unknown, undefined>>

  constructor(reply: LocalLines, read: (value: unknown) => unknown) {
    this.#reply = reply
    this.#read = read
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
    this.#reply.leave(error)
  }

  #take(): Promise<IteratorResult<unknown, undefined>> {
    const current = this.#next
    this.#next = current.then(taken => (taken.done === true ? taken : this.#fetched()))
    this.#next.catch(() => undefined)
    return current
  }

  #fetched(): Promise<IteratorResult<unknown, undefined>> {
    const fetched = this.#fetch().catch((cause: unknown) => {
      const error = toMeshError(cause, 'internal', 'read the stream')
      this.#ended.reject(error)
      this.#reply.leave(error)
      throw error
    })
    fetched.catch(() => undefined)
    return fetched
  }

  async #fetch(): Promise<IteratorResult<unknown, undefined>> {
    const { value: text } = await this.#reply.lines.next()
    if (text === undefined)
      throw new MeshError('unavailable', 'Cannot read the stream: the agent has stopped')
    const line: LocalStreamLine = parseJson(
      localStreamLine,
      text,
      `read the reply of ${path}`,
      'protocol_error',
    )
    if (line.error !== undefined) throw problemIn(line.error, path)
    if (line.end === undefined) return { done: false, value: await this.#read(valueOfLocal(line)) }
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

/** @throws what the input or its check throws: the stream ends with that */
async function* encodedLines(
  input: NonNullable<LinkStreamOptions['input']>,
  encode: NonNullable<LinkStreamOptions['encode']>,
): AsyncGenerator<string, void, undefined> {
  const source = iteratorOf(input, 'the input')
  try {
    for (;;) {
      const next = await source.next()
      if (next.done === true) return
      yield lineOf(await encode(next.value), 'value')
    }
  } catch (error) {
    throw toMeshError(error, 'application', 'send the input of the stream')
  } finally {
    await source.return?.()
  }
}
