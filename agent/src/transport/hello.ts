/**
 * The hello exchange: one message each way on `/agent-mesh/hello/1.0.0`, JSON behind a 4-byte big-endian length.
 *
 *   dialler -> callee   hello
 *   callee -> dialler   hello, or {"refused": CODE}, after which the callee closes the connection; a member that stops
 *                       adds {"leaving": true}, one that knows how the membership of the dialler ended {"ended": HOW}
 *
 * The callee admits the dialler before it sends its own hello; the dialler then admits the callee.
 */
import type { Stream } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import {
  addrField,
  helloBytes,
  helloAnswerSchema,
  helloSchema,
  isErrorCode,
  membershipEnds,
  MeshError,
  parseJson,
  toMeshError,
  type ErrorCode,
  type Hello,
  type HelloRefusal,
  type Peer,
} from '@agent-mesh/protocol'
import { withoutPeer } from './address.ts'
import { encodeMessage, lengthBytes } from './message-stream.ts'

/** What hello needs of the rooms above: the own documents, and the decision about those of others. */
export interface HelloPorts {
  /** Own hello, current at each call. */
  hello: () => Hello
  /** @throws MeshError unauthenticated, revoked, unsupported */
  admit: (hello: Hello, peerId: string) => Promise<Peer>
  /** Whether this member stops and takes no new links. @default never */
  departing?: () => boolean
}

/** The dialler's part. @throws MeshError when either side refuses the other */
export async function greet(
  stream: Stream,
  peerId: string,
  ports: HelloPorts,
  signal: AbortSignal,
): Promise<{ peer: Peer; rttMs: number; observed: string | undefined }> {
  const messages = byteStream(stream, { maxBufferSize: 2 * helloBytes })
  const sentAt = performance.now()
  await send(messages, ports.hello(), signal)
  const answer = parseJson(helloAnswerSchema, await receive(messages, signal), 'read hello', 'protocol_error')
  const rttMs = performance.now() - sentAt
  if ('refused' in answer) throw refusal(peerId, answer as HelloRefusal)
  return { peer: await ports.admit(answer, peerId), rttMs, observed: answer.observed }
}

/**
 * The callee's part.
 * @param remoteAddr where it sees the dialler; sent to it
 * @throws MeshError when the dialler is refused, which it then knows; unavailable when it has disconnected
 */
export async function answer(
  stream: Stream,
  { peerId, remoteAddr }: { peerId: string; remoteAddr: string },
  ports: HelloPorts,
  signal: AbortSignal,
): Promise<Peer> {
  const messages = byteStream(stream, { maxBufferSize: 2 * helloBytes })
  try {
    const theirs = parseJson(helloSchema, await receive(messages, signal), 'read hello', 'protocol_error')
    const peer = await ports.admit(theirs, peerId)
    if (ports.departing?.() === true) throw departure(peerId)
    await send(messages, { ...ports.hello(), ...seenAt(remoteAddr) }, signal)
    return peer
  } catch (error) {
    // A stream that broke is no refusal, and has no peer to tell.
    if (!(error instanceof MeshError)) throw toMeshError(error, 'unavailable', `read hello of ${peerId}`)
    // Earlier versions know no `going_away` here; this code makes them ask another member, too.
    const ended = error.code === 'revoked' ? error.details?.['ended'] : undefined
    const refused =
      error.code === 'going_away'
        ? { refused: 'too_many_links', leaving: true }
        : { refused: error.code, ...(ended === undefined ? {} : { ended }) }
    await send(messages, refused, signal).catch(() => {})
    throw error
  }
}

/** Nothing for circuits and whatever else has no address of its own. */
function seenAt(remoteAddr: string): Pick<Hello, 'observed'> {
  const observed = addrField.safeParse(withoutPeer(remoteAddr))
  return observed.success ? { observed: observed.data } : {}
}

/** The reason is not proven: it explains a failure and decides nothing. */
function refusal(peerId: string, { refused: word, leaving, ended }: HelloRefusal): MeshError {
  if (leaving === true) return departure(peerId)
  const known: readonly ErrorCode[] = [
    'revoked',
    'unsupported',
    'clock_skew',
    'too_many_links',
    'rate_limited',
  ]
  const code = isErrorCode(word) && known.includes(word) ? word : 'unauthenticated'
  const how = code === 'revoked' ? membershipEnds.find(end => end === ended) : undefined
  return new MeshError(code, `Cannot connect to ${peerId}: it refused this member (${how ?? code})`)
}

const departure = (peerId: string) =>
  new MeshError('going_away', `Cannot connect to ${peerId}: it stops and takes no new links`, {
    notStarted: true,
  })

type Messages = ReturnType<typeof byteStream<Stream>>

async function send(messages: Messages, message: object, signal: AbortSignal): Promise<void> {
  await messages.write(encodeMessage(message), { signal })
}

async function receive(messages: Messages, signal: AbortSignal): Promise<string> {
  const head = await messages.read({ bytes: lengthBytes, signal })
  const length = Buffer.from(head.subarray()).readUInt32BE()
  if (length === 0 || length > helloBytes)
    throw new MeshError('protocol_error', `Cannot read hello: ${length} bytes, limit ${helloBytes}`)
  const body = await messages.read({ bytes: length, signal })
  return Buffer.from(body.subarray()).toString('utf8')
}
