/** Requests on the local socket whose body and reply are lines of JSON, both at once: streams and subscriptions. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { linesOf } from './lines.ts'
import { failureOf, openLocal, problemIn } from './local-socket.ts'

export interface LinesRequest {
  readonly path: string
  /** The request, JSON. */
  readonly first: string
  /** What follows it, JSON each: asked for as fast as it is read. What it throws ends the reply. */
  readonly input?: AsyncIterable<string> | undefined
  readonly signal?: AbortSignal | undefined
  /** Of a line of the reply, at most, bytes. */
  readonly mostBytes: number
}

export interface LocalLines {
  /** Of the reply. Its end without a word means that the process has stopped. @throws MeshError; what the input throws */
  readonly lines: AsyncGenerator<string, void, undefined>
  /** Ends both directions. @param reason what reading `lines` throws from now on */
  leave(reason: MeshError): void
}

/** @throws MeshError what the process answered; as {@link failureOf}; what the input throws */
export async function openLines(folder: string, asked: LinesRequest): Promise<LocalLines> {
  const { path, signal, mostBytes } = asked
  const left = new AbortController()
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const sent = openLocal(folder, { path, type: 'application/x-ndjson', signal: either })
  const fail = (cause: unknown): MeshError =>
    cause instanceof MeshError ? cause : failureOf(cause, folder, { signal: either })
  // It ends with the reply: what cannot be sent behind that is not wanted.
  sent.on('error', () => undefined)
  try {
    const opened = once(sent, 'response')
    sendLines(sent, asked).catch((error: unknown) => {
      left.abort(toMeshError(error, 'unavailable', `send the input of ${path}`))
    })
    const [reply] = (await opened) as [IncomingMessage]
    if (reply.statusCode !== 200) throw problemIn(Buffer.concat(await reply.toArray()).toString(), path)
    return { lines: readLines(reply, { sent, mostBytes, fail }), leave: reason => left.abort(reason) }
  } catch (error) {
    sent.destroy()
    throw fail(error)
  }
}

async function* readLines(
  reply: IncomingMessage,
  { sent, mostBytes, fail }: { sent: ClientRequest; mostBytes: number; fail: (cause: unknown) => MeshError },
): AsyncGenerator<string, void, undefined> {
  try {
    yield* linesOf(reply as AsyncIterable<Buffer>, mostBytes, 'the reply of the process')
  } catch (error) {
    throw fail(error)
  } finally {
    sent.destroy()
  }
}

async function sendLines(sent: ClientRequest, { first, input }: LinesRequest): Promise<void> {
  sent.write(`${first}\n`)
  if (input === undefined) return void sent.end()
  for await (const line of input) {
    if (sent.destroyed) return
    if (!sent.write(`${line}\n`)) await drained(sent)
  }
  sent.end()
}

/** Resolves when more may be written, and when nothing more can be. */
function drained(sent: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    for (const event of ['drain', 'close'] as const) sent.once(event, () => resolve())
  })
}
