/**
 * The signed list of revoked members. An entry stays until no credential of it can be alive; the control plane knows
 * revoked members permanently. `times` and `serialTimes` came later than the rest: older readers ignore them.
 */
import * as z from 'zod/mini'
import { meshIdField, peerIdField, millisField, serialField } from './fields.ts'
import { limits } from './limits.ts'

const listOf = <T extends z.ZodMiniType>(field: T) => z.array(field).check(z.maxLength(limits.revocations))

export const revocationsSchema = z.looseObject({
  mesh: meshIdField,
  number: z.int().check(z.nonnegative()),
  peerIds: listOf(peerIdField),
  serials: listOf(serialField),
  /** When each of `peerIds` was revoked, unix milliseconds. */
  times: z.optional(listOf(millisField)),
  /** When each of `serials` was revoked, as `times`. */
  serialTimes: z.optional(listOf(millisField)),
})
export type Revocations = z.output<typeof revocationsSchema>

/** The list in force, for look-ups. */
export interface RevocationList {
  peerIds: ReadonlySet<string>
  serials: ReadonlySet<string>
  /** When a peer was revoked, unix milliseconds; absent where the list does not say. */
  times: ReadonlyMap<string, number>
}

export function revocationList({ peerIds, serials, times }: Revocations): RevocationList {
  // Of another length it says nothing of anybody; who is revoked does not depend on it.
  const told = times?.length === peerIds.length ? times : []
  return {
    peerIds: new Set(peerIds),
    serials: new Set(serials),
    times: new Map(told.map((at, i) => [peerIds[i] ?? '', at])),
  }
}

/** Whether a member is revoked: its key, or this enrolment of it. */
export const isRevoked = (
  { peerIds, serials }: Pick<RevocationList, 'peerIds' | 'serials'>,
  { peerId, serial }: { peerId: string; serial: string },
): boolean => peerIds.has(peerId) || serials.has(serial)
