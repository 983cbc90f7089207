/**
 * Strangers are limited by their address: new members, requests without a signature, and invalid signatures or unknown keys.
 * Requests of members cost their address nothing, and once one was accepted, its member is served although a stranger behind
 * the same NAT is not. The same holds for keys whose membership ended: removed machines that still run leave room for new
 * members behind the same NAT. Both kinds are limited by their key, see member-limit.ts.
 */
import { kidOf, MeshError, type ApiRoute } from '@agent-mesh/protocol'
import type { SourceLimit } from './source-limit.ts'

export interface Knocking {
  /** IP address of the sender; without it nothing is limited. */
  address: string | undefined
  auth: ApiRoute['auth']
  authorization: string | undefined
}

/** The outcome of a request. */
export interface Served<T> {
  result: T
  /** Whether a member made it. */
  byMember: boolean
  /** Whether its key is or was a member's. @default byMember */
  ofMember?: boolean
}

/** Does the work unless the address is over its limit. @throws MeshError rate_limited, and the errors of the work */
export async function limitStrangers<T>(
  sources: SourceLimit,
  { address, auth, authorization }: Knocking,
  work: () => Promise<Served<T>>,
): Promise<T> {
  if (address === undefined || auth === 'open') return (await work()).result
  const claimed = auth === 'key' ? undefined : claimedKey(authorization)
  const known = claimed !== undefined && sources.wasAccepted(claimed)
  if (!known) sources.check(address)
  try {
    const { result, byMember, ofMember = byMember } = await work()
    if (byMember && claimed !== undefined) sources.accepted(claimed, address)
    else if (ofMember && claimed !== undefined) sources.proved(claimed)
    else sources.charge(address, auth === 'key' ? 'enrolled' : 'asked')
    if (auth === 'key') sources.memberAt(address)
    return result
  } catch (error) {
    if (claimed !== undefined && isOfMember(error)) sources.proved(claimed)
    // A member that left, or was removed so long ago that no list has it.
    else if (known && isUnknownKey(error)) sources.charge(address, 'asked')
    else if (authorization !== undefined && isGuess(error)) sources.charge(address, 'refused')
    else if (!known) sources.charge(address, 'asked')
    throw error
  }
}

/** The key in the signature header of a request, unverified. */
export function claimedKey(authorization = ''): string | undefined {
  try {
    return kidOf(authorization.replace(/^Mesh /, ''), 'request+jws')
  } catch {
    return undefined
  }
}

/** Errors for a verified key: its credential has expired, or its membership ended. */
export const isOfMember = (error: unknown): boolean =>
  error instanceof MeshError &&
  (error.code === 'revoked' || error.details?.['enrolled'] === true || error.details?.['ended'] !== undefined)

const isUnknownKey = (error: unknown): boolean =>
  error instanceof MeshError && error.details?.['enrolled'] === false

/** Errors for strangers; a member with a wrong clock is not one. */
const isGuess = (error: unknown): boolean =>
  error instanceof MeshError && (error.code === 'unauthenticated' || error.code === 'token_invalid')
