import { MeshError } from '../errors.ts'
import { FrameBody } from './body.ts'
import { criticalFlags, frameFlags, frameTypes, type Frame } from './frame.ts'
import { lengthBytes, preambleBytes, type WireLimits } from './limits.ts'

export const malformed = (what: string): MeshError =>
  new MeshError('protocol_error', `Cannot parse frame: ${what}`)

/**
 * Parses the complete frame `bytes[at, end)`. Header bytes behind the fields of this version are left alone.
 * @returns undefined for a frame type that this version does not know
 * @throws MeshError `protocol_error` for anything malformed
 */
export function parseFrame(bytes: Buffer, at: number, end: number, limits: WireLimits): Frame | undefined {
  const type = bytes[at + 4]
  const flags = bytes[at + 5] ?? 0
  const headerSize = bytes.readUInt16BE(at + 6)
  const id = bytes.readUInt32BE(at + 8)
  const header = at + preambleBytes
  const body = header + headerSize
  if (headerSize > limits.headerBytes) throw malformed(`a header of ${headerSize} bytes`)
  if (body > end) throw malformed(`a header of ${headerSize} bytes in a frame of ${end - at}`)
  if ((flags & criticalFlags) !== 0) return { type: 'unreadable', id, of: type ?? 0, flags }
  switch (type) {
    case frameTypes.request:
      return parseRequest(bytes, header, body, end, flags, id)
    case frameTypes.response:
      return { type: 'response', id: answered(id), body: parseBody(bytes, body, end, flags) }
    case frameTypes.error:
      return parseError(bytes, header, body, end, flags, id)
    case frameTypes.cancel:
      return { type: 'cancel', id: answered(id) }
    case frameTypes.goingAway:
      return parseGoingAway(bytes, header, headerSize)
    case frameTypes.ping:
      return { type: 'ping', id }
    case frameTypes.pong:
      return { type: 'pong', id }
    default:
      return undefined
  }
}

function parseRequest(
  bytes: Buffer,
  header: number,
  body: number,
  end: number,
  flags: number,
  id: number,
): Frame {
  if (body - header < 5) throw malformed(`a request header of ${body - header} bytes`)
  const size = bytes[header + 4] ?? 0
  if (size === 0 || header + 5 + size > body) throw malformed(`a method name of ${size} bytes in its header`)
  return {
    type: 'request',
    id: answered(id),
    method: bytes.toString('utf8', header + 5, header + 5 + size),
    timeoutMs: bytes.readUInt32BE(header),
    idempotent: (flags & frameFlags.idempotent) !== 0,
    body: parseBody(bytes, body, end, flags),
  }
}

function parseError(
  bytes: Buffer,
  header: number,
  body: number,
  end: number,
  flags: number,
  id: number,
): Frame {
  const size = body > header ? (bytes[header] ?? 0) : 0
  if (size === 0 || header + 1 + size > body) throw malformed(`an error code of ${size} bytes in its header`)
  const code = bytes.toString('utf8', header + 1, header + 1 + size)
  return { type: 'error', id: answered(id), code, body: parseBody(bytes, body, end, flags) }
}

function parseGoingAway(bytes: Buffer, header: number, size: number): Frame {
  if (size < 8) throw malformed(`a going-away header of ${size} bytes`)
  return { type: 'goingAway', lastId: bytes.readUInt32BE(header), drainMs: bytes.readUInt32BE(header + 4) }
}

function parseBody(bytes: Buffer, start: number, end: number, flags: number): FrameBody {
  if ((flags & frameFlags.tail) === 0) return new FrameBody(bytes, start, end, end, false)
  if (end - start < lengthBytes) throw malformed(`a tailed body of ${end - start} bytes`)
  const jsonEnd = start + lengthBytes + bytes.readUInt32BE(start)
  if (jsonEnd > end)
    throw malformed(`${jsonEnd - start - lengthBytes} bytes of JSON in a body of ${end - start}`)
  return new FrameBody(bytes, start + lengthBytes, jsonEnd, end, true)
}

/** Id 0 belongs to the link, never to a request. */
function answered(id: number): number {
  if (id === 0) throw malformed('request id 0')
  return id
}
