/**
 * Strangers are limited by their address: newcomers, requests without a signature, and signatures or keys that are accepted
 * nowhere. Requests of members cost their address nothing, and once one was accepted, its member is served although a stranger
 * behind the same NAT is not. So do those of keys whose membership ended: machines that were removed and run on leave room for
 * newcomers beside them. They pay for themselves, see member-limit.ts.
 */
import { kidOf, MeshError, type ApiRoute } from '@agent-mesh/protocol'
import type { SourceLimit } from './source-limit.ts'

export interface Knocking {
  /** IP address of the sender; without it nothing is limited. */
  address: string | undefined
  auth: ApiRoute['auth']
  authorization: string | undefined
}

/** What became of a request. */
export interface Served<T> {
  result: T
  /** Whether a member made it. */
  byMember: boolean
  /** Whether its key is or was a member's. @default byMember */
  ofMember?: boolean
}

/** Does the work unless the address has had its share. @throws MeshError rate_limited, and what the work throws */
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
    // A member that left, or was removed so long ago that no list tells it.
    else if (known && isUnknownKey(error)) sources.charge(address, 'asked')
    else if (authorization !== undefined && isGuess(error)) sources.charge(address, 'refused')
    else if (!known) sources.charge(address, 'asked')
    throw error
  }
}

/** The key that a request says it is signed by. */
export function claimedKey(authorization = ''): string | undefined {
  try {
    return kidOf(authorization.replace(/^Mesh /, ''), 'request+jws')
  } catch {
    return undefined
  }
}

/** What a member provokes whose key was checked: its credential has expired, or its membership ended. */
export const isOfMember = (error: unknown): boolean =>
  error instanceof MeshError &&
  (error.code === 'revoked' || error.details?.['enrolled'] === true || error.details?.['ended'] !== undefined)

const isUnknownKey = (error: unknown): boolean =>
  error instanceof MeshError && error.details?.['enrolled'] === false

/** What a stranger provokes; a member whose clock is wrong is none. */
const isGuess = (error: unknown): boolean =>
  error instanceof MeshError && (error.code === 'unauthenticated' || error.code === 'token_invalid')
