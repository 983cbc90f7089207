import { MeshError } from '../errors.ts'
import { FrameBody } from './body.ts'
import { criticalFlags, frameFlags, frameTypes, type Frame } from './frame.ts'
import { getU16, getU32 } from './integers.ts'
import { dataBytes, lengthBytes, preambleBytes, type WireLimits } from './limits.ts'
import { entryBytes, entrySize } from './message-batch.ts'
import type { MethodNames } from './method-names.ts'
import { readFields } from './request-fields.ts'

export const malformed = (what: string): MeshError =>
  new MeshError('protocol_error', `Cannot parse frame: ${what}`)

/** Where the parts of a frame lie in the bytes received. */
interface Parts {
  readonly id: number
  readonly flags: number
  readonly header: number
  readonly body: number
  readonly end: number
}

/**
 * Parses the complete frame `bytes[at, end)`. Header bytes behind the fields of this version are left alone. Of a part as much need
 * be there as {@link partStartBytes} says.
 * @returns undefined for a frame type that this version does not know
 * @throws MeshError `protocol_error` for anything malformed
 */
export function parseFrame(
  bytes: Buffer,
  at: number,
  end: number,
  limits: WireLimits,
  names: MethodNames,
): Frame | undefined {
  const type = bytes[at + 4] ?? 0
  const header = at + preambleBytes
  const body = header + getU16(bytes, at + 6)
  const parts = { id: getU32(bytes, at + 8), flags: bytes[at + 5] ?? 0, header, body, end }
  if (body - header > limits.headerBytes) throw malformed(`a header of ${body - header} bytes`)
  if (body > end) throw malformed(`a header of ${body - header} bytes in a frame of ${end - at}`)
  const known = knownFlags(type, parts.flags)
  if ((parts.flags & criticalFlags & ~known) !== 0)
    return { type: 'unreadable', id: parts.id, of: type, flags: parts.flags }
  switch (type) {
    case frameTypes.request:
      return parseRequest(bytes, parts, names, limits)
    case frameTypes.response:
      return {
        type: 'response',
        id: requestId(parts),
        elsewhere: isElsewhere(parts),
        body: parseBody(bytes, parts, limits),
      }
    case frameTypes.error:
      return parseError(bytes, parts)
    case frameTypes.cancel:
      return { type: 'cancel', id: requestId(parts) }
    case frameTypes.streamData:
      return parseData(bytes, parts)
    case frameTypes.streamBatch:
      return parseBatch(bytes, parts)
    case frameTypes.streamCredit:
      return parseCredit(bytes, parts)
    case frameTypes.streamEnd:
      return parseEnd(bytes, parts)
    case frameTypes.goingAway:
      return parseGoingAway(bytes, parts)
    case frameTypes.ping:
      return { type: 'ping', id: parts.id }
    case frameTypes.pong:
      return { type: 'pong', id: parts.id }
    case frameTypes.settings:
      return parseSettings(bytes, parts)
    case frameTypes.part:
      return parsePart(bytes, parts)
    case frameTypes.delivered:
      return { type: 'delivered', id: parts.id }
    case frameTypes.drop:
      return { type: 'drop', id: parts.id }
    case frameTypes.swim:
      return { type: 'swim', bytes: bytes.subarray(body, end) }
    default:
      return undefined
  }
}

/** Flags that change how a frame of this type is read, and that this version knows. */
function knownFlags(type: number, flags: number): number {
  const compressed = (flags & frameFlags.tail) === 0 ? frameFlags.compressed : 0
  if (type === frameTypes.request) return frameFlags.stream | frameFlags.elsewhere | compressed
  return type === frameTypes.response ? frameFlags.elsewhere | compressed : 0
}

function parseRequest(bytes: Buffer, parts: Parts, names: MethodNames, limits: WireLimits): Frame {
  const { header, body, flags } = parts
  if (body - header < 5) throw malformed(`a request header of ${body - header} bytes`)
  const size = bytes[header + 4] ?? 0
  if (size === 0 || header + 5 + size > body) throw malformed(`a method name of ${size} bytes in its header`)
  const fields = readFields(bytes, header + 5 + size, body, malformed)
  const stream = (flags & frameFlags.stream) !== 0
  if (stream && fields.stream === undefined) throw malformed('a stream without its field in the header')
  return {
    type: 'request',
    id: requestId(parts),
    method: names.read(bytes, header + 5, size),
    timeoutMs: getU32(bytes, header),
    idempotent: (flags & frameFlags.idempotent) !== 0,
    fields,
    stream,
    elsewhere: isElsewhere(parts),
    body: parseBody(bytes, parts, limits),
  }
}

function parseError(bytes: Buffer, parts: Parts): Frame {
  const { header, body, flags } = parts
  const size = body > header ? (bytes[header] ?? 0) : 0
  if (size === 0 || header + 1 + size > body) throw malformed(`an error code of ${size} bytes in its header`)
  const code = bytes.toString('utf8', header + 1, header + 1 + size)
  const notStarted = (flags & frameFlags.notStarted) !== 0
  return { type: 'error', id: requestId(parts), code, notStarted, body: parseBody(bytes, parts) }
}

const isElsewhere = ({ flags }: Parts): boolean => (flags & frameFlags.elsewhere) !== 0

const isFromCallee = ({ flags }: Parts): boolean => (flags & frameFlags.fromCallee) !== 0

function parseData(bytes: Buffer, parts: Parts): Frame {
  const { body, end, flags } = parts
  if (end - body > dataBytes) throw malformed(`${end - body} bytes of stream data`)
  return {
    type: 'data',
    id: requestId(parts),
    fromCallee: isFromCallee(parts),
    tail: (flags & frameFlags.tail) !== 0,
    more: (flags & frameFlags.more) !== 0,
    chunk: bytes,
    start: body,
    end,
  }
}

function parseBatch(bytes: Buffer, parts: Parts): Frame {
  const { body, end } = parts
  if (end - body > dataBytes) throw malformed(`a batch of ${end - body} bytes`)
  if (end === body) throw malformed('a batch without messages')
  let at = body
  while (end - at >= entryBytes) at += entrySize(bytes, at)
  if (at !== end) throw malformed(`a message beyond the end of its batch of ${end - body} bytes`)
  const fromCallee = isFromCallee(parts)
  return { type: 'batch', id: requestId(parts), fromCallee, chunk: bytes, start: body, end }
}

function parseCredit(bytes: Buffer, parts: Parts): Frame {
  const { header, body } = parts
  if (body - header < 4) throw malformed(`a credit header of ${body - header} bytes`)
  return {
    type: 'credit',
    id: requestId(parts),
    fromCallee: isFromCallee(parts),
    credit: getU32(bytes, header),
  }
}

function parseEnd(bytes: Buffer, parts: Parts): Frame {
  const { header, body } = parts
  const size = body > header ? (bytes[header] ?? 0) : -1
  if (size < 0 || header + 1 + size > body) throw malformed(`a code of ${size} bytes in the header of an end`)
  const code = size === 0 ? undefined : bytes.toString('utf8', header + 1, header + 1 + size)
  const parsed = parseBody(bytes, { ...parts, flags: parts.flags & ~frameFlags.tail })
  return { type: 'end', id: requestId(parts), fromCallee: isFromCallee(parts), code, body: parsed }
}

function parseGoingAway(bytes: Buffer, { header, body }: Parts): Frame {
  if (body - header < 8) throw malformed(`a going-away header of ${body - header} bytes`)
  return { type: 'goingAway', lastId: getU32(bytes, header), drainMs: getU32(bytes, header + 4) }
}

function parseSettings(bytes: Buffer, { header, body }: Parts): Frame {
  if (body - header < 4) throw malformed(`a settings header of ${body - header} bytes`)
  return { type: 'settings', features: getU32(bytes, header) }
}

function parsePart(bytes: Buffer, { id, body, end }: Parts): Frame {
  if (id === 0) throw malformed('a part of frame 0')
  if (end === body) throw malformed('a part without bytes')
  return { type: 'part', id, bytes: bytes.subarray(body, end), left: Math.max(0, end - bytes.length) }
}

/**
 * How much of frame `bytes[at, end)` must be there before it can be parsed: of a part its header and the first 12 bytes of what it
 * carries, which the reader of a cut frame looks at; all of any other.
 * @param bytes with the preamble
 */
export function partStartBytes(bytes: Buffer, at: number, end: number): number {
  const readable = bytes[at + 4] === frameTypes.part && ((bytes[at + 5] ?? 0) & criticalFlags) === 0
  return readable ? Math.min(end - at, 2 * preambleBytes + getU16(bytes, at + 6)) : end - at
}

/** The body of a message, `bytes[start, end)`. @throws MeshError `protocol_error` */
export const messageBody = (bytes: Buffer, tail: boolean, start = 0, end = bytes.length): FrameBody =>
  parseBody(bytes, { body: start, end, flags: tail ? frameFlags.tail : 0 })

/** Its value; bytes alone, the messages of the fastest streams, without a body in between. @throws MeshError `protocol_error` */
export const messageValue = (bytes: Buffer, tail: boolean, start: number, end: number): unknown =>
  tail && end - start >= lengthBytes && getU32(bytes, start) === 0
    ? bytes.subarray(start + lengthBytes, end)
    : messageBody(bytes, tail, start, end).value()

function parseBody(
  bytes: Buffer,
  { body, end, flags }: Pick<Parts, 'body' | 'end' | 'flags'>,
  limits?: WireLimits,
): FrameBody {
  if (limits !== undefined && (flags & frameFlags.compressed) !== 0)
    return parseCompressed(bytes, body, end, limits)
  if ((flags & frameFlags.tail) === 0) return new FrameBody(bytes, body, end, end, false)
  if (end - body < lengthBytes) throw malformed(`a tailed body of ${end - body} bytes`)
  const json = body + lengthBytes
  const jsonEnd = json + getU32(bytes, body)
  if (jsonEnd > end) throw malformed(`${jsonEnd - json} bytes of JSON in a body of ${end - body}`)
  return new FrameBody(bytes, json, jsonEnd, end, true)
}

function parseCompressed(bytes: Buffer, body: number, end: number, { bodyBytes }: WireLimits): FrameBody {
  const text = body + lengthBytes
  if (text >= end) throw malformed(`a compressed body of ${end - body} bytes`)
  const textBytes = getU32(bytes, body)
  if (textBytes === 0 || textBytes > bodyBytes)
    throw malformed(`a compressed body of ${textBytes} bytes, the limit is ${bodyBytes}`)
  return new FrameBody(bytes, text, end, end, false, textBytes)
}

/** Id 0 belongs to the link, never to a request. */
function requestId({ id }: Parts): number {
  if (id === 0) throw malformed('request id 0')
  return id
}
