/** Requests to the control plane: `Authorization: Mesh <JWS>`, `typ: request+jws`, by the member's key. */
import { base64url } from 'multiformats/bases/base64'
import * as z from 'zod/mini'
import { pathWithin } from './base-path.ts'
import { MeshError } from './errors.ts'
import { meshIdField, secondsField } from './fields.ts'
import { signChecked, verifyMemberDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'

const requestSchema = z.looseObject({
  htm: z.enum(['GET', 'PUT', 'POST', 'DELETE']),
  path: z.string().check(z.maxLength(512)),
  /** Sorted, as {@link sortedQuery} has it. */
  query: z.string().check(z.maxLength(1024)),
  /** SHA-256 of the body, base64url. */
  bh: z.string().check(z.regex(/^[\w-]{43}$/, { error: 'is not a SHA-256' })),
  aud: meshIdField,
  iat: secondsField,
  /** Unique per non-idempotent write; the store keeps it for 180 s. */
  nonce: z.optional(z.string().check(z.regex(/^[\w-]{16,64}$/, { error: 'is not a nonce' }))),
})
export type RequestClaims = z.output<typeof requestSchema>

const scheme = 'Mesh '
const document = { typ: 'request+jws', schema: requestSchema, maxBytes: limits.authorizationBytes } as const

/** What is known of a request before its body is read. */
export interface RequestHead {
  method: string
  /** Path and query are read, the host is not: proxies may rename it. */
  url: URL
}

/** What is signed of a request. */
export interface RequestParts extends RequestHead {
  body: Uint8Array
}

/** Of which mesh, when, and below which path of the control plane's URL. */
export interface RequestPlace {
  meshId: string
  /** Unix milliseconds. */
  now: number
  /** As {@link basePathOf} has it. @default none */
  base?: string
}

/** The query with its pairs sorted as encoded strings. */
export function sortedQuery(url: URL): string {
  const pairs = [...url.searchParams].map(pair => new URLSearchParams([pair]).toString())
  return pairs.sort().join('&')
}

const bodyHash = async (body: Uint8Array): Promise<string> =>
  base64url.baseEncode(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(body))))

/**
 * The value of the `Authorization` header.
 * @throws MeshError invalid_argument when method, path or query do not fit a signed request
 */
export async function signRequest(
  signer: Signer,
  { method, url, body }: RequestParts,
  options: RequestPlace & { nonce?: string },
): Promise<string> {
  const claims = {
    htm: method,
    path: pathWithin(options.base ?? '', url.pathname),
    query: sortedQuery(url),
    bh: await bodyHash(body),
    aud: options.meshId,
    iat: Math.floor(options.now / 1000),
    ...(options.nonce === undefined ? {} : { nonce: options.nonce }),
  }
  return scheme + (await signChecked(signer, document, claims))
}

const refuse = (reason: string) => new MeshError('unauthenticated', `Cannot accept request: ${reason}`)

/**
 * Verifies an `Authorization` header against the request it came with, all but the body, which need not be read yet.
 * @returns the peer id that signed, and the claims; `bh` is for {@link verifyBody}
 * @throws MeshError unauthenticated, too_large, clock_skew (details.now is the server's time)
 */
export async function verifyRequestHead(
  authorization: string | undefined,
  { method, url }: RequestHead,
  { meshId, now, base = '' }: RequestPlace,
): Promise<{ peerId: string; claims: RequestClaims }> {
  if (authorization?.startsWith(scheme) !== true)
    throw refuse('it needs the header "Authorization: Mesh <JWS>"')
  const { kid, claims } = await verifyMemberDocument(authorization.slice(scheme.length), document)
  if (claims.aud !== meshId) throw refuse('it is signed for another mesh')
  // Earlier versions signed the base, too.
  const samePath = pathWithin(base, claims.path) === pathWithin(base, url.pathname)
  if (claims.htm !== method || !samePath || claims.query !== sortedQuery(url))
    throw refuse('method, path or query are not the signed ones')
  if (Math.abs(claims.iat * 1000 - now) > limits.clockSkewMs)
    throw new MeshError(
      'clock_skew',
      'Cannot accept request: its time is more than 60 s from the server time',
      { details: { now }, hint: 'Set the clock of this machine.' },
    )
  return { peerId: kid, claims }
}

/** @param bh as the request signed it @throws MeshError unauthenticated */
export async function verifyBody(bh: string, body: Uint8Array): Promise<void> {
  if (bh !== (await bodyHash(body))) throw refuse('the body is not the signed one')
}

/** {@link verifyRequestHead} and {@link verifyBody} at once. */
export async function verifyRequest(
  authorization: string | undefined,
  { body, ...head }: RequestParts,
  place: RequestPlace,
): Promise<{ peerId: string; claims: RequestClaims }> {
  const verified = await verifyRequestHead(authorization, head, place)
  await verifyBody(verified.claims.bh, body)
  return verified
}
