/** Texts about a membership that others ended: what happened, and what its owner can do. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { endOf, type MembershipEnd, type RevocationList } from '@agent-mesh/protocol/revocation-list'

export interface Ended {
  how: MembershipEnd
  /** Unix milliseconds; undefined: not known. */
  at?: number | undefined
}

/** How and when the list says that a membership ended; undefined while it is in force. */
export function endedAs(
  list: Pick<RevocationList, 'peerIds' | 'serials' | 'times' | 'ended'>,
  member: { peerId: string; serial: string },
): Ended | undefined {
  const how = endOf(list, member)
  if (how === undefined) return undefined
  const at = how === 'revoked' ? list.times.get(member.peerId) : list.ended.get(member.serial)?.at
  return { how, at }
}

const whatHappened: Record<MembershipEnd, string> = {
  revoked: 'was revoked',
  removed: 'was removed from the mesh',
  replaced: 'was replaced by another machine, which has its name now',
}

/** What to do about it: a revoked key is refused permanently, any other may join again. */
export const adviceOf = (how: MembershipEnd): string =>
  how === 'revoked'
    ? 'Its key is refused permanently: join anew with a new token in an empty data folder (--context NAME or --data DIR; data: DIR in a program).'
    : 'Its key may join again: start it with a token other than the one it joined with, --join TOKEN, or join: TOKEN in a program (an admin makes one: agent-mesh token create).'

/** `was removed from the mesh at 2026-01-01T00:00:00.000Z` */
export function endText({ how, at }: Ended): string {
  return at === undefined ? whatHappened[how] : `${whatHappened[how]} at ${new Date(at).toISOString()}`
}

/** How a start is refused. */
export const endedError = (ended: Ended, name: string): MeshError =>
  new MeshError(
    ended.how === 'revoked' ? 'revoked' : 'unauthenticated',
    `Cannot start: this member (${name}) ${endText(ended)}`,
    { hint: adviceOf(ended.how), details: { ended: ended.how } },
  )
