/**
 * Strangers are limited by their address: newcomers, requests without a signature, and signatures or keys that are accepted
 * nowhere. Requests of members cost their address nothing, and once one was accepted, its member is served although a stranger
 * behind the same NAT is not.
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
    const { result, byMember } = await work()
    if (byMember && claimed !== undefined) sources.accepted(claimed, address)
    else sources.charge(address, auth === 'key' ? 'enrolled' : 'asked')
    if (auth === 'key') sources.memberAt(address)
    return result
  } catch (error) {
    const guess = authorization !== undefined && error instanceof MeshError && isGuess(error)
    if (guess) sources.charge(address, 'refused')
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

/** What a stranger provokes; a member whose clock is wrong or whose credential has expired is none. */
const isGuess = ({ code, details }: MeshError): boolean =>
  (code === 'unauthenticated' && details?.['enrolled'] !== true) || code === 'token_invalid'
