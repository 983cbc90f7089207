import type { Problem } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol/errors'
import {
  localStreamLine,
  type LocalStreamEnd,
  type LocalStreamLine,
  type LocalStreamRequest,
} from '@agent-mesh/protocol/local-stream'
import {
  localTopicLine,
  type LocalSubscribeRequest,
  type LocalTopicLine,
} from '@agent-mesh/protocol/local-topics'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { parseJson } from '@agent-mesh/protocol/parse'
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'

import { socketPath } from '../data/data-folder.ts'
import { commandDefaults } from '../defaults.ts'
import { linesOf } from '@agent-mesh/agent/gateway/lines'
import { errorIn, failureOf, problemIn } from './local-failure.ts'

/** The socket of a process, and when not to wait for it any longer. */
export interface LocalSocket {
  folder: string
  signal: AbortSignal | undefined
}

/**
 * Opens a stream of the process of a folder: yields the messages of the handler, returns how it ended.
 * @throws MeshError as a call; unavailable when the process ends first; what `input` throws
 */
export async function* openStream(
  wire: LocalSocket,
  body: Omit<LocalStreamRequest, 'input'>,
  input: AsyncIterable<LocalValue> | undefined,
): AsyncGenerator<LocalValue, LocalStreamEnd, undefined> {
  const path = '/v1/stream'
  const first = { ...body, ...(input !== undefined && { input: true }) } satisfies LocalStreamRequest
  for await (const text of openLines(wire, path, first, input)) {
    const line = parseJson(localStreamLine, text, `read the reply of ${path}`, 'protocol_error')
    if (line.error !== undefined) throw errorIn(line.error)
    if (line.end !== undefined) return line.end
    yield valueIn(line)
  }
  throw new MeshError('unavailable', 'Cannot read the stream: its process has stopped')
}

/**
 * Subscribes by the agent of a folder: yields that it has, then messages, until it is left.
 * @throws MeshError permission_denied, overloaded; unavailable when the agent ends first
 */
export async function* openSubscription(
  wire: LocalSocket,
  body: LocalSubscribeRequest,
): AsyncGenerator<LocalTopicLine, void, undefined> {
  const path = '/v1/subscribe'
  for await (const text of openLines(wire, path, body)) {
    const line = parseJson(localTopicLine, text, `read the reply of ${path}`, 'protocol_error')
    if ('error' in line) throw errorIn(line.error as Problem)
    yield line as LocalTopicLine
  }
  throw new MeshError('unavailable', `Cannot read messages of ${body.topic}: the agent has stopped`)
}

/** Sends lines of JSON to the process of a folder, and yields those of its reply. @throws MeshError; what `input` throws */
async function* openLines(
  { folder, signal }: LocalSocket,
  path: string,
  first: object,
  input?: AsyncIterable<LocalValue>,
): AsyncGenerator<string, void, undefined> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const abort = signal === undefined ? {} : { signal }
  const sent = request({
    socketPath: socketPath(folder),
    method: 'POST',
    path,
    headers,
    agent: false,
    ...abort,
  })
  // It ends with the response: what cannot be sent behind that is not wanted.
  sent.on('error', () => undefined)
  let failure: unknown
  try {
    const opened = once(sent, 'response')
    sendLines(sent, first, input).catch((error: unknown) => {
      failure = error
      sent.destroy()
    })
    const [reply] = (await opened) as [IncomingMessage]
    if (reply.statusCode !== 200) throw problemIn(Buffer.concat(await reply.toArray()).toString(), path)
    yield* linesOf(reply as AsyncIterable<Buffer>, commandDefaults.localLineBytes, 'reply')
  } catch (error) {
    // A reply that is cut here fails as one that the process cuts.
    const reason: unknown = failure ?? (signal?.aborted === true ? signal.reason : error)
    throw reason instanceof MeshError ? reason : failureOf(reason, folder, path, false)
  } finally {
    sent.destroy()
  }
}

const valueIn = ({ value, bytes }: LocalStreamLine): LocalValue => ({
  ...(value !== undefined && { value }),
  ...(bytes !== undefined && { bytes }),
})

/** Sends the request and then the messages, as fast as they are read. @throws what `input` throws */
async function sendLines(
  sent: ClientRequest,
  first: object,
  input: AsyncIterable<LocalValue> | undefined,
): Promise<void> {
  sent.write(`${JSON.stringify(first)}\n`)
  for await (const message of input ?? []) {
    if (sent.destroyed) return
    if (!sent.write(`${JSON.stringify(message)}\n`)) await drained(sent)
  }
  sent.end()
}

/** Resolves when more may be written, and when nothing more can be. */
function drained(sent: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    for (const event of ['drain', 'close'] as const) sent.once(event, () => resolve())
  })
}
