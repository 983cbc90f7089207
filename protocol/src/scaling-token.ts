/**
 * Bearer tokens for autoscalers, which sign no requests: `scaling+jws`, signed by a member that may manage `admin:scaling`. A token
 * gives its bearer scaling signals and nothing else, as long as its signer is a member with that right.
 */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { meshIdField, secondsField, serviceNameField } from './fields.ts'
import { signChecked, verifyMemberDocument, type Signer } from './jws.ts'
import { limits } from './limits.ts'

const claimsSchema = z.looseObject({
  aud: meshIdField,
  iat: secondsField,
  exp: secondsField,
  /** The only service it is for. @default all */
  service: z.optional(serviceNameField),
})
export type ScalingTokenClaims = z.output<typeof claimsSchema>

const scheme = 'Bearer '
const document = { typ: 'scaling+jws', schema: claimsSchema, maxBytes: 1024 } as const
const refuse = (reason: string) =>
  new MeshError('unauthenticated', `Cannot accept scaling token: ${reason}`, {
    hint: 'Make another one: agent-mesh scaling token.',
  })

/** Whether the header brings a bearer token. */
export const isBearer = (authorization: string | undefined): authorization is string =>
  authorization?.startsWith(scheme) === true

/**
 * Makes a token. @param options.lifeMs a year at most
 * @throws MeshError invalid_argument
 */
export async function signScalingToken(
  signer: Signer,
  { meshId, now, lifeMs, service }: { meshId: string; now: number; lifeMs: number; service?: string },
): Promise<string> {
  if (!(lifeMs > 0 && lifeMs <= limits.scalingTokenMs))
    throw new MeshError('invalid_argument', `Cannot sign scaling token: it would live ${lifeMs} ms`, {
      hint: 'It lives 366 days at most.',
    })
  const iat = Math.floor(now / 1_000)
  const exp = Math.floor((now + lifeMs) / 1_000)
  return signChecked(signer, document, {
    aud: meshId,
    iat,
    exp,
    ...(service === undefined ? {} : { service }),
  })
}

/**
 * Verifies an `Authorization: Bearer` header. Whether its signer has the right is for the caller to check.
 * @returns the peer id of the signer, and the claims @throws MeshError unauthenticated, too_large
 */
export async function verifyScalingToken(
  authorization: string,
  { meshId, now }: { meshId: string; now: number },
): Promise<{ peerId: string; claims: ScalingTokenClaims }> {
  const { kid, claims } = await verifyMemberDocument(authorization.slice(scheme.length), document)
  if (claims.aud !== meshId) throw refuse('it is of another mesh')
  if (claims.exp * 1_000 <= now) throw refuse('it has expired')
  const { iat, exp } = claims
  if ((exp - iat) * 1_000 > limits.scalingTokenMs || iat * 1_000 > now + limits.futureMs)
    throw refuse('its times are out of bounds')
  return { peerId: kid, claims }
}
