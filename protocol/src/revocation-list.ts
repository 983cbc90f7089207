/**
 * The signed list of revoked members. An entry stays until no credential of it can be alive; the control plane knows
 * revoked members permanently. What is optional came later than the rest: older readers ignore it.
 */
import * as z from 'zod/mini'
import { meshIdField, peerIdField, millisField, serialField } from './fields.ts'
import { limits } from './limits.ts'

const listOf = <T extends z.ZodMiniType>(field: T) => z.array(field).check(z.maxLength(limits.revocations))

const endText = z.string().check(z.maxLength(64))

export const revocationsSchema = z.looseObject({
  mesh: meshIdField,
  number: z.int().check(z.nonnegative()),
  peerIds: listOf(peerIdField),
  serials: listOf(serialField),
  /** When each of `peerIds` was revoked, unix milliseconds. */
  times: z.optional(listOf(millisField)),
  /** When each of `serials` was revoked, as `times`. */
  serialTimes: z.optional(listOf(millisField)),
  /** How the membership of each of `serials` ended: `removed`, `replaced`; empty: not known. */
  serialEnds: z.optional(listOf(endText)),
  /** The key of each of `serials`, which may join anew; empty: not known. */
  serialPeers: z.optional(listOf(endText)),
})
export type Revocations = z.output<typeof revocationsSchema>

/** The list in force, for look-ups. */
export interface RevocationList {
  peerIds: ReadonlySet<string>
  serials: ReadonlySet<string>
  /** When a peer was revoked, unix milliseconds; absent where the list does not say. */
  times: ReadonlyMap<string, number>
  /** Memberships that ended while their key was not revoked, by serial; absent where the list does not say. */
  ended: ReadonlyMap<string, EndedMembership>
}

/** How a membership ends by others: its key is refused permanently, or may join anew. */
export const membershipEnds = ['revoked', 'removed', 'replaced'] as const
export type MembershipEnd = (typeof membershipEnds)[number]

export interface EndedMembership {
  peerId: string
  how: Exclude<MembershipEnd, 'revoked'>
  /** Unix milliseconds; undefined: not known. */
  at: number | undefined
}

export function revocationList(list: Revocations): RevocationList {
  const { peerIds, serials, times } = list
  // A list of another length is ignored; whether a member is revoked does not depend on it.
  const told = times?.length === peerIds.length ? times : []
  return {
    peerIds: new Set(peerIds),
    serials: new Set(serials),
    times: new Map(told.map((at, i) => [peerIds[i] ?? '', at])),
    ended: new Map(endedOf(list).map(({ serial, ...ended }) => [serial, ended])),
  }
}

/** What the list says of memberships whose key was not revoked. Entries of another length say nothing of any. */
export function endedOf({
  serials,
  serialTimes = [],
  serialEnds = [],
  serialPeers = [],
}: Revocations): (EndedMembership & { serial: string })[] {
  if (serialEnds.length !== serials.length || serialPeers.length !== serials.length) return []
  return serials.map((serial, i) => ({
    serial,
    peerId: serialPeers[i] ?? '',
    // A later version may know more ways; the key may join anew after all of them.
    how: serialEnds[i] === 'replaced' ? 'replaced' : 'removed',
    at: serialTimes.length === serials.length && serialTimes[i] !== 0 ? serialTimes[i] : undefined,
  }))
}

/** How the membership of a member ended by others; undefined while it is in force. */
export function endOf(
  { peerIds, serials, ended }: Pick<RevocationList, 'peerIds' | 'serials' | 'ended'>,
  { peerId, serial }: { peerId: string; serial: string },
): MembershipEnd | undefined {
  if (peerIds.has(peerId)) return 'revoked'
  return serials.has(serial) ? (ended.get(serial)?.how ?? 'removed') : undefined
}
