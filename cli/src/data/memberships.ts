import type { ControlPlaneClient, MembershipQuery } from '@agent-mesh/agent/discovery/control-plane-client'
import type { Membership } from '@agent-mesh/protocol/api/memberships'

interface MembershipList {
  /** By name. */
  readonly members: Membership[]
  /** Whether the control plane pays for each that it reads; one of an older version does not say. */
  readonly billed: boolean
}

/** Every page of the memberships that fit, by name. @throws MeshError */
export const allMemberships = async (...asked: Parameters<typeof listMemberships>): Promise<Membership[]> =>
  (await listMemberships(...asked)).members

/** As {@link allMemberships}, for a list that is read again and again. */
export async function listMemberships(
  client: Pick<ControlPlaneClient, 'memberships'>,
  query: MembershipQuery,
  signal: AbortSignal,
): Promise<MembershipList> {
  const members: Membership[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.memberships({ ...query, ...(cursor !== undefined && { cursor }) }, signal)
    members.push(...page.members)
    cursor = page.next
    if (cursor === undefined) return { members: members.sort(byName()), billed: page.billed ?? true }
  }
}

/**
 * `web-2` stands before `web-10`; a revoked member may have the name of another, so the peer id decides last. Made for
 * each use: the order of a language loads tables of 5 MB, which a daemon does without.
 */
function byName(): (a: Membership, b: Membership) => number {
  const { compare } = new Intl.Collator('en', { numeric: true })
  return (a, b) => compare(a.name, b.name) || (a.peerId < b.peerId ? -1 : 1)
}

/** One word: `online`, `offline`, `unlisted` (no record in the map), `revoked`. */
export function stateOf({ online, listed, revokedAt }: Membership): string {
  if (revokedAt !== undefined) return 'revoked'
  if (online) return 'online'
  return listed ? 'offline' : 'unlisted'
}
