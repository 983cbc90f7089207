/**
 * What a request says beside its method and params: fields behind the method, each u8 tag, u16 length, bytes. A reader skips tags that
 * it does not know, and values that it cannot read: none of them may make a call fail that would run without it.
 */
import { isUtf8 } from 'node:buffer'
import { MeshError } from '../errors.ts'
import { getU16, getU32, putU16, putU32 } from './integers.ts'

/** Where a call stands in a trace, as in a W3C `traceparent`. */
export interface TraceParent {
  /** 32 hex digits, lower case. */
  readonly traceId: string
  /** 16 hex digits, lower case: of the caller's span. */
  readonly spanId: string
  /** One byte; bit 1: sampled. */
  readonly flags: number
}

/** Of a request that opens a stream. */
export interface StreamField {
  /** Bytes that the callee may send before it is given credit. */
  readonly credit: number
  /** The caller has messages to send. */
  readonly input: boolean
}

/** All are optional; an absent one is `undefined`. */
export interface RequestFields {
  readonly trace?: TraceParent | undefined
  /** W3C `tracestate`, at most 256 bytes. */
  readonly tracestate?: string | undefined
  /** Of the program that calls, for the handler; at most 1 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly stream?: StreamField | undefined
  /** Calls that this one is made on behalf of, one within the other; at most 255. */
  readonly hops?: number | undefined
  /** Name of the local program that calls through its agent, at most 128 bytes: for audit, never for policy. */
  readonly app?: string | undefined
  /** u32 hash of the key that chose the callee. */
  readonly keyHash?: number | undefined
}

/** Tags of the fields. */
export const fieldTags = {
  trace: 1,
  tracestate: 2,
  metadata: 3,
  stream: 4,
  hops: 5,
  app: 6,
  keyHash: 7,
} as const

/** Most bytes of the fields whose size varies, as they stand on the wire. */
export const fieldBytes = { tracestate: 256, metadata: 1024, app: 128 } as const

const traceId = /^[0-9a-f]{32}$/
const spanId = /^[0-9a-f]{16}$/
const tagAndLength = 3

/** Fields as they stand in the header of a request; undefined where there are none. */
export type EncodedFields = Uint8Array | undefined

/** @throws MeshError `invalid_argument` for a value that no field can carry, `too_large` for one over its limit */
export function encodeFields(fields: RequestFields): EncodedFields {
  const { trace, tracestate, metadata, stream, hops, app, keyHash } = fields
  const parts: Buffer[] = []
  const add = (tag: number, bytes: Uint8Array): void => {
    const head = Buffer.allocUnsafe(tagAndLength)
    head[0] = tag
    putU16(head, 1, bytes.byteLength)
    parts.push(head, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }
  if (trace !== undefined) add(fieldTags.trace, traceBytes(trace))
  if (tracestate !== undefined) add(fieldTags.tracestate, text('tracestate', tracestate))
  if (metadata !== undefined) add(fieldTags.metadata, text('metadata', JSON.stringify(metadata)))
  if (stream !== undefined) add(fieldTags.stream, streamBytes(stream))
  if (hops !== undefined) add(fieldTags.hops, Uint8Array.of(hops))
  if (app !== undefined) add(fieldTags.app, text('app', app))
  if (keyHash !== undefined) add(fieldTags.keyHash, u32(keyHash))
  return parts.length === 0 ? undefined : Buffer.concat(parts)
}

function traceBytes({ traceId: trace, spanId: span, flags }: TraceParent): Buffer {
  if (!traceId.test(trace) || !spanId.test(span) || !(flags >= 0 && flags <= 255))
    throw new MeshError(
      'invalid_argument',
      `Cannot send the trace context: '${trace}-${span}-${flags}' is none`,
    )
  return Buffer.concat([Buffer.from(trace + span, 'hex'), Uint8Array.of(flags)])
}

function streamBytes({ credit, input }: StreamField): Uint8Array {
  const bytes = new Uint8Array(5)
  putU32(bytes, 0, credit)
  bytes[4] = input ? 1 : 0
  return bytes
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  putU32(bytes, 0, value)
  return bytes
}

function text(name: keyof typeof fieldBytes, value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  if (bytes.length <= fieldBytes[name]) return bytes
  const limit = `the limit is ${fieldBytes[name]}`
  throw new MeshError(
    'too_large',
    `Cannot send the ${name} of a call: it has ${bytes.length} bytes, ${limit}`,
  )
}

const none: RequestFields = Object.freeze({})

/**
 * Reads the fields between the method and the body.
 * @param refuse makes the error of what lies about its length
 * @throws what `refuse` returns
 */
export function readFields(
  bytes: Buffer,
  start: number,
  end: number,
  refuse: (what: string) => MeshError,
): RequestFields {
  if (start === end) return none
  const fields: ReadFields = {}
  for (let at = start; at < end;) {
    const size = end - at < tagAndLength ? 0 : getU16(bytes, at + 1)
    const value = at + tagAndLength
    if (value + size > end) throw refuse(`a field of ${size} bytes in a header with ${end - at} left`)
    readField(fields, bytes[at] ?? 0, bytes.subarray(value, value + size))
    at = value + size
  }
  return fields
}

type ReadFields = { -readonly [Name in keyof RequestFields]: RequestFields[Name] }

/** The first field of a tag counts. */
function readField(fields: ReadFields, tag: number, value: Buffer): void {
  const size = value.length
  switch (tag) {
    case fieldTags.trace:
      if (size === 25) fields.trace ??= readTrace(value)
      return
    case fieldTags.tracestate:
      fields.tracestate ??= readText(value, fieldBytes.tracestate)
      return
    case fieldTags.metadata:
      if (size <= fieldBytes.metadata) fields.metadata ??= readMetadata(value)
      return
    case fieldTags.stream:
      if (size >= 5) fields.stream ??= { credit: getU32(value, 0), input: ((value[4] ?? 0) & 1) !== 0 }
      return
    case fieldTags.hops:
      if (size === 1) fields.hops ??= value[0]
      return
    case fieldTags.app:
      fields.app ??= readText(value, fieldBytes.app)
      return
    case fieldTags.keyHash:
      if (size === 4) fields.keyHash ??= getU32(value, 0)
  }
}

/** Undefined for what is too long, or no UTF-8: its replacement characters could take more bytes than may be sent on. */
const readText = (value: Buffer, most: number): string | undefined =>
  value.length <= most && isUtf8(value) ? value.toString('utf8') : undefined

const readTrace = (value: Buffer): TraceParent => ({
  traceId: value.toString('hex', 0, 16),
  spanId: value.toString('hex', 16, 24),
  flags: value[24] ?? 0,
})

function readMetadata(value: Buffer): Record<string, string> | undefined {
  try {
    const json: unknown = JSON.parse(value.toString('utf8'))
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
    const entries = Object.entries(json)
    return entries.every(([, text]) => typeof text === 'string')
      ? Object.freeze(Object.fromEntries(entries as [string, string][]))
      : undefined
  } catch {
    return undefined
  }
}
