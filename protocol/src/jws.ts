/**
 * Signed documents: compact JWS (RFC 7515), each kind with a `typ` of its own so that none passes for another.
 * The algorithm follows from the type of the expected key, never from the header; key-carrying headers are refused.
 */
import { CompactSign, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import * as z from 'zod/mini'
import { MeshError, toMeshError, type ErrorCode } from './errors.ts'
import type { PublicJwk } from './fields.ts'
import { parse, parseJson } from './parse.ts'
import { peerJwk } from './peer-id.ts'
import { verifiedPayload } from './signature.ts'

/** The closed set of document types. */
export type DocumentType =
  | 'membership+jwt'
  | 'member+jws'
  | 'home+jws'
  | 'farewell+jws'
  | 'request+jws'
  | 'key+jws'
  | 'head+jws'
  | 'relays+jws'
  | 'policy+jws'
  | 'revocations+jws'
  | 'audit+jws'
  | 'topic+jws'
  | 'scaling+jws'

/** Signs with a key in a file, in memory or in a key management service. */
export interface Signer {
  /** peerId of a member key, RFC 7638 thumbprint of an authority key. */
  readonly kid: string
  /** Compact JWS of `payload` under `typ`. */
  sign(typ: DocumentType, payload: Uint8Array): Promise<string>
}

export const algorithmOf = (jwk: PublicJwk): 'EdDSA' | 'ES256' => (jwk.kty === 'OKP' ? 'EdDSA' : 'ES256')

/** A signer over a private JWK held in memory. @throws MeshError invalid_argument */
export async function jwkSigner(kid: string, privateJwk: JWK & PublicJwk): Promise<Signer> {
  const alg = algorithmOf(privateJwk)
  const refuse = (reason: string, cause?: unknown) =>
    new MeshError('invalid_argument', `Cannot use private key of ${kid}: ${reason}`, { cause })
  if (typeof privateJwk.d !== 'string') throw refuse('it is a public key')
  const key = await importJWK(privateJwk, alg).catch((cause: unknown) => {
    throw refuse('not a valid JWK', cause)
  })
  return {
    kid,
    sign: (typ, payload) => new CompactSign(payload).setProtectedHeader({ alg, typ, kid }).sign(key),
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Signs `claims` as JSON under `typ`. */
export const signDocument = (signer: Signer, typ: DocumentType, claims: object): Promise<string> =>
  signer.sign(typ, encoder.encode(JSON.stringify(claims)))

/**
 * Signs `claims` once they fit the schema and limit that verifiers hold them to, so that nothing is signed that
 * all refuse.
 * @throws MeshError invalid_argument, too_large
 */
export async function signChecked<S extends z.core.$ZodType>(
  signer: Signer,
  { typ, schema, maxBytes, hint }: { typ: DocumentType; schema: S; maxBytes: number; hint?: string },
  claims: object,
): Promise<string> {
  parse(schema, claims, `sign ${typ}`)
  const jws = await signDocument(signer, typ, claims)
  if (jws.length <= maxBytes) return jws
  throw new MeshError('too_large', `Cannot sign ${typ}: ${jws.length} bytes, limit ${maxBytes}`, {
    ...(hint === undefined ? {} : { hint }),
  })
}

/**
 * Three parts of base64url, the signature 64 bytes long and in its one canonical spelling: decoders also take others,
 * which would be the same document in other bytes.
 */
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$/

const headerSchema = z.looseObject({
  alg: z.enum(['EdDSA', 'ES256']),
  typ: z.string(),
  kid: z.string().check(z.minLength(1), z.maxLength(128)),
})
const refusedHeaders = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip'] as const

/** Reads `kid` and `alg` of a document of type `typ` without trusting them. @throws MeshError `code` */
function readHeader(jws: string, typ: DocumentType, code: ErrorCode): { kid: string; alg: string } {
  let raw: unknown
  try {
    raw = decodeProtectedHeader(jws)
  } catch (cause) {
    throw new MeshError(code, `Cannot verify ${typ}: header is not JSON`, { cause })
  }
  const header = z.safeParse(headerSchema, raw)
  if (!header.success) throw new MeshError(code, `Cannot verify ${typ}: header lacks alg, typ or kid`)
  if (header.data.typ !== typ)
    throw new MeshError(code, `Cannot verify ${typ}: typ is ${header.data.typ.slice(0, 32)}`)
  const refused = refusedHeaders.find(name => name in header.data)
  if (refused !== undefined) throw new MeshError(code, `Cannot verify ${typ}: header ${refused} is refused`)
  return header.data
}

/** The key that a document says it is signed by; valid only for a document that was verified. @throws MeshError */
export const kidOf = (jws: string, typ: DocumentType): string => readHeader(jws, typ, 'unauthenticated').kid

export interface VerifyOptions<S extends z.core.$ZodType> {
  typ: DocumentType
  schema: S
  /** Characters. */
  maxBytes: number
  /** The public key that `kid` names. Throws when there is none. */
  keyOf: (kid: string) => PublicJwk
  /** Code of every refusal. @default 'unauthenticated' */
  code?: ErrorCode
}

/**
 * Verifies a document and parses its claims.
 * @returns the signer's `kid` and the claims
 * @throws MeshError `code`; `too_large`
 */
export async function verifyDocument<S extends z.core.$ZodType>(
  jws: string,
  { typ, schema, maxBytes, keyOf, code = 'unauthenticated' }: VerifyOptions<S>,
): Promise<{ kid: string; claims: z.output<S> }> {
  if (jws.length > maxBytes)
    throw new MeshError('too_large', `Cannot verify ${typ}: ${jws.length} characters, limit ${maxBytes}`)
  if (!compactJws.test(jws)) throw new MeshError(code, `Cannot verify ${typ}: not a compact JWS`)
  const { kid, alg } = readHeader(jws, typ, code)
  const jwk = keyOf(kid)
  if (alg !== algorithmOf(jwk))
    throw new MeshError(code, `Cannot verify ${typ}: alg is ${alg}, not that of the key`)
  try {
    const payload = verifiedPayload(jws, jwk)
    if (payload === undefined)
      throw new MeshError(code, `Cannot verify ${typ}: signature verification failed`)
    return { kid, claims: parseJson(schema, decoder.decode(payload), `verify ${typ}`, code) }
  } catch (error) {
    throw toMeshError(error, code, `verify ${typ}`)
  }
}

/** Verifies a document that a member signed: EdDSA by the key inside the peer id that is its `kid`. */
export function verifyMemberDocument<S extends z.core.$ZodType>(
  jws: string,
  options: Omit<VerifyOptions<S>, 'keyOf'>,
): Promise<{ kid: string; claims: z.output<S> }> {
  const { typ, code = 'unauthenticated' } = options
  const keyOf = (kid: string): PublicJwk => {
    try {
      return peerJwk(kid)
    } catch (cause) {
      throw new MeshError(code, `Cannot verify ${typ}: kid is not a peer id`, { cause })
    }
  }
  return verifyDocument(jws, { ...options, keyOf })
}
