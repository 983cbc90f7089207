/** Credential: the claims of the authority about a member. JWT, `typ: membership+jwt`. Policy reads this and nothing else. */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import {
  labelField,
  meshIdField,
  nameField,
  peerIdField,
  rolesField,
  secondsField,
  serialField,
  tagsField,
} from './fields.ts'
import { signChecked, verifyDocument, type Signer } from './jws.ts'
import type { KeyChain } from './key-chain.ts'
import { limits } from './limits.ts'

/** Days a credential lives, the day renewal begins, and how long after expiry it is still renewed. */
export const credentialDays = { life: 21, renewFrom: 7, grace: 90 } as const

const claimsSchema = z.looseObject({
  iss: meshIdField,
  sub: peerIdField,
  serial: serialField,
  jti: z.string().check(z.minLength(1), z.maxLength(64)),
  name: nameField,
  roles: rolesField,
  region: z.optional(labelField),
  tags: tagsField,
  iat: secondsField,
  exp: secondsField,
})
export type CredentialClaims = z.output<typeof claimsSchema>

const document = { typ: 'membership+jwt', schema: claimsSchema, maxBytes: limits.credentialBytes } as const

/** Signs a credential. @throws MeshError invalid_argument, too_large */
export const signCredential = (signer: Signer, claims: CredentialClaims): Promise<string> =>
  signChecked(signer, { ...document, hint: 'Give the member fewer roles or tags.' }, claims)

export interface CredentialCheck {
  meshId: string
  keys: KeyChain
  /** Unix milliseconds; `any` for a hint of the map, whose time is not checked: admission shows its own credential. */
  now: number | 'any'
  /** When given, the credential must be of this member. */
  peerId?: string
}

/** Verifies signature, mesh, subject and time of a credential. @throws MeshError unauthenticated */
export async function verifyCredential(jwt: string, check: CredentialCheck): Promise<CredentialClaims> {
  const { claims } = await verifyDocument(jwt, {
    ...document,
    keyOf: kid => check.keys.keyOf(kid),
  })
  const refuse = (reason: string) =>
    new MeshError('unauthenticated', `Cannot accept credential of ${claims.sub}: ${reason}`)
  if (claims.iss !== check.meshId) throw refuse(`it is of mesh ${claims.iss}`)
  if (check.peerId !== undefined && claims.sub !== check.peerId) throw refuse(`shown by ${check.peerId}`)
  if (check.now === 'any') return claims
  if (claims.exp * 1000 <= check.now) throw refuse(`expired at ${new Date(claims.exp * 1000).toISOString()}`)
  if (claims.iat * 1000 > check.now + limits.futureMs) throw refuse('issued more than a day in the future')
  return claims
}
