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
import type { IncomingMessage } from 'node:http'
import { openLines } from '@agent-mesh/agent/gateway/local-lines'
import { failureOf, openLocal, problemIn } from '@agent-mesh/agent/gateway/local-socket'

import { commandDefaults } from '../defaults.ts'
import { explained } from './local-failure.ts'

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
  for await (const text of linesFrom(wire, path, first, input)) {
    const line = parseJson(localStreamLine, text, `read the reply of ${path}`, 'protocol_error')
    if (line.error !== undefined) throw problemIn(line.error, path)
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
  for await (const text of linesFrom(wire, path, body)) {
    const line = parseJson(localTopicLine, text, `read the reply of ${path}`, 'protocol_error')
    if ('error' in line) throw problemIn(line.error as Problem, path)
    yield line as LocalTopicLine
  }
  throw new MeshError('unavailable', `Cannot read messages of ${body.topic}: the agent has stopped`)
}

/**
 * The lines of a backup, as they come.
 * @throws MeshError what the control plane answers; unavailable when it stops before the end
 */
export async function* openBackup({
  folder,
  signal,
}: LocalSocket): AsyncGenerator<Uint8Array, void, undefined> {
  const path = '/v1/backup'
  try {
    const sent = openLocal(folder, { path, signal }).end()
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    if (reply.statusCode !== 200) throw problemIn(Buffer.concat(await reply.toArray()).toString(), path)
    yield* reply as AsyncIterable<Uint8Array>
  } catch (error) {
    explained(folder)(error instanceof MeshError ? error : failureOf(error, folder, { signal }))
  }
}

/** Sends lines of JSON to the process of a folder, and yields those of its reply. @throws MeshError; what `input` throws */
async function* linesFrom(
  { folder, signal }: LocalSocket,
  path: string,
  first: object,
  input?: AsyncIterable<LocalValue>,
): AsyncGenerator<string, void, undefined> {
  const { lines } = await openLines(folder, {
    ...{ path, signal, mostBytes: commandDefaults.localLineBytes },
    first: JSON.stringify(first),
    input: input === undefined ? undefined : jsonOf(input),
  }).catch(explained(folder))
  yield* lines
}

async function* jsonOf(values: AsyncIterable<LocalValue>): AsyncGenerator<string, void, undefined> {
  for await (const value of values) yield JSON.stringify(value)
}

const valueIn = ({ value, bytes }: LocalStreamLine): LocalValue => ({
  ...(value !== undefined && { value }),
  ...(bytes !== undefined && { bytes }),
})
