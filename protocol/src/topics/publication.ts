/**
 * Publication: one or more messages of one member to one topic, under one signature of its key (`typ: topic+jws`). The signed part has
 * sizes and hash of the messages, which travel beside it as they are.
 */
import { hash } from 'node:crypto'
import * as z from 'zod/mini'
import { MeshError } from '../errors.ts'
import { meshIdField, millisField } from '../fields.ts'
import { kidOf, signChecked, verifyMemberDocument, type Signer } from '../jws.ts'
import { parseJson } from '../parse.ts'
import { KnownBodies } from './known-bodies.ts'
import { topicLimits, topicNameField } from './names.ts'

const { messages, messageBytes, publicationBytes, signedBytes } = topicLimits

const traceparent = z.string().check(z.regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/))

const claimsSchema = z.looseObject({
  mesh: meshIdField,
  topic: topicNameField,
  /** Of the contract of its messages. */
  version: z.int().check(z.minimum(1), z.maximum(999_999)),
  /** When the publisher started, unix ms: numbers begin anew with it. */
  epoch: millisField,
  /** Number of its first message; each message of a publisher has the next one. */
  seq: millisField,
  /** Unix ms of the publisher. */
  at: millisField,
  /** Bytes of each message. */
  sizes: z
    .array(z.int().check(z.nonnegative(), z.maximum(messageBytes + 1)))
    .check(z.minLength(1), z.maxLength(messages)),
  /** SHA-256 of the messages, base64url. */
  hash: z.string().check(z.regex(/^[\w-]{43}$/)),
  /** Kept for those who subscribe later. */
  retain: z.optional(z.boolean()),
  /** W3C trace context of each message; null: none. */
  traces: z.optional(z.array(z.nullable(traceparent)).check(z.maxLength(messages))),
})
export type TopicClaims = z.output<typeof claimsSchema>

/** A publication as it travels. */
export interface Publication {
  readonly jws: string
  readonly bodies: Uint8Array
}

const hashOf = (bodies: Uint8Array): string => hash('sha256', bodies, 'base64url')

const totalOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0)

/** @throws MeshError invalid_argument, too_large */
export async function signPublication(
  signer: Signer,
  claims: Omit<TopicClaims, 'sizes' | 'hash'>,
  encoded: readonly Uint8Array[],
): Promise<Publication> {
  const bodies = Buffer.concat(encoded)
  const sizes = encoded.map(({ byteLength }) => byteLength)
  const signed = { ...claims, sizes, hash: hashOf(bodies) }
  const rules = { typ: 'topic+jws', schema: claimsSchema, maxBytes: signedBytes } as const
  return { jws: await signChecked(signer, rules, signed), bodies }
}

/** Publications verified of late (a count), some 2 KiB each: one may come over two hubs, or for several agents of the process. */
const mostVerified = 64

type Verified = ReturnType<typeof verifySigned>

const verified = new Map<string, Verified>()
const knownBodies = new KnownBodies(mostVerified)

const verifySigned = (jws: string) =>
  verifyMemberDocument(jws, { typ: 'topic+jws', schema: claimsSchema, maxBytes: signedBytes })

/** What a publication says, verified: 0.1 ms, once for each. @throws MeshError unauthenticated, too_large */
function verifiedClaims(jws: string): Verified {
  const known = verified.get(jws)
  if (known !== undefined) return known
  const verifying = verifySigned(jws)
  verifying.catch(() => verified.delete(jws))
  const [oldest] = verified.keys()
  if (verified.size >= mostVerified && oldest !== undefined) verified.delete(oldest)
  verified.set(jws, verifying)
  return verifying
}

/**
 * @returns the publisher's peer id, and what it signed
 * @throws MeshError unauthenticated for another signature, mesh, size or hash; too_large
 */
export async function verifyPublication(
  { jws, bodies }: Publication,
  mesh: string,
): Promise<{ publisher: string; claims: TopicClaims }> {
  const { kid, claims } = await verifiedClaims(jws)
  const refuse = (reason: string) => {
    throw new MeshError('unauthenticated', `Cannot accept publication of ${kid}: ${reason}`)
  }
  if (claims.mesh !== mesh) refuse('it is of another mesh')
  if (totalOf(claims.sizes) !== bodies.byteLength) refuse(`it has ${bodies.byteLength} bytes of messages`)
  if (!knownBodies.has(claims.hash, bodies)) {
    if (claims.hash !== hashOf(bodies)) refuse('its messages have another hash')
    knownBodies.add(claims.hash, bodies)
  }
  return { publisher: kid, claims }
}

/**
 * What a publication says of itself, unverified: enough to pass it on, as receivers verify it.
 * @throws MeshError protocol_error, unauthenticated, too_large
 */
export function readPublication({ jws, bodies }: Publication): { publisher: string; claims: TopicClaims } {
  if (jws.length > signedBytes || bodies.byteLength > publicationBytes)
    throw new MeshError('too_large', `Cannot pass on publication: ${bodies.byteLength} bytes of messages`)
  const publisher = kidOf(jws, 'topic+jws')
  const text = Buffer.from(jws.split('.', 2)[1] ?? '', 'base64url').toString()
  const claims = parseJson(claimsSchema, text, 'read publication', 'protocol_error')
  if (totalOf(claims.sizes) !== bodies.byteLength)
    throw new MeshError('protocol_error', `Cannot pass on publication: its sizes are not its bytes`)
  return { publisher, claims }
}

const kinds = { json: 0, bytes: 1 } as const

/** A message: one byte that says what follows, then JSON text or bytes as they are. @throws MeshError too_large, invalid_argument for both */
export function encodeTopicMessage(
  { json, tail }: { json: string | undefined; tail: Uint8Array | undefined },
  topic: string,
): Uint8Array {
  if (tail !== undefined && json !== undefined)
    throw new MeshError('invalid_argument', `Cannot publish to ${topic}: the message is JSON with bytes`, {
      hint: 'Publish JSON or bytes.',
    })
  const kind = tail === undefined ? kinds.json : kinds.bytes
  const content = tail ?? Buffer.from(json ?? 'null')
  if (content.byteLength > messageBytes)
    throw new MeshError(
      'too_large',
      `Cannot publish to ${topic}: the message has ${content.byteLength} bytes, limit ${messageBytes}`,
      { hint: 'Publish where the content is, and let subscribers fetch it with a call.' },
    )
  return Buffer.concat([Uint8Array.of(kind), content])
}

/**
 * The message from `start` to `end` of `bytes`. A view takes as long to make as all else here, so there is one of what is returned alone.
 * @returns bytes as a view of `bytes` @throws MeshError protocol_error
 */
export function decodeTopicMessage(bytes: Uint8Array, start: number, end: number): unknown {
  const kind = start < end ? bytes[start] : undefined
  if (kind === kinds.bytes) return new Uint8Array(bytes.buffer, bytes.byteOffset + start + 1, end - start - 1)
  if (kind !== kinds.json)
    throw new MeshError('protocol_error', `Cannot read message: its kind is ${String(kind)}`)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start + 1, end - start - 1).toString()
  return parseJson(z.unknown(), text, 'read message', 'protocol_error')
}
