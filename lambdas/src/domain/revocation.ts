import { MeshError, type RevokeReply, type RevokeRequest } from '@agent-mesh/protocol'
import type { Enrolment } from '../store/parts/enrolments.ts'
import type { MeshParts } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'
import {
  checkRoom,
  current,
  listed,
  readList,
  type ListingMesh,
  type RevokedEntry,
} from './signed-revocations.ts'
import type { StoreTime } from './store-time.ts'

export interface Revoked {
  peerId: string
  /** Unix milliseconds; absent for an entry without it. */
  at?: number
}

export interface Revocation {
  /**
   * Revokes a member permanently: its key never enrols or renews again, its pair leaves the map, and the signed list
   * reaches all members. Idempotent: a repetition completes what a crash interrupted.
   * @param by the caller, for the audit
   * @throws MeshError not_found, invalid_argument for oneself, mesh_full when the list is full, conflict
   */
  revoke(who: RevokeRequest, by: string): Promise<RevokeReply>
  /**
   * Ends the rights of one enrolment at once and everywhere: its links end within seconds. The key may join anew. Idempotent.
   * @param end how it ended and whose it was, if known
   * @returns the number of the list @throws MeshError mesh_full when the list is full, conflict
   */
  revokeSerial(serial: string, end?: RevokedEntry['end']): Promise<number>
  /** The list in force: keys; serials are of enrolments that ended. */
  list(): Promise<{ number: number; document: string; revoked: Revoked[] }>
}

export function revocation(
  mesh: ListingMesh & MeshParts<'clock', 'enrolments'>,
  roster: Pick<RelayRoster, 'remove'>,
  time: Pick<StoreTime, 'sweepTime'>,
): Revocation {
  const { store, clock, changes } = mesh

  const enrolled = async ({ peerId, serial, name }: RevokeRequest): Promise<Enrolment> => {
    const found =
      peerId !== undefined
        ? await store.enrolments.readEnrolment(peerId)
        : await store.enrolments.findEnrolment(serial !== undefined ? { serial } : { name: name ?? '' })
    if (found !== undefined) return found
    throw new MeshError('not_found', `Cannot revoke ${peerId ?? serial ?? name}: no such member`, {
      hint: 'List members with "agent-mesh members list". An enrolment that expired 90 days ago is forgotten.',
    })
  }

  return {
    revoke: async (who, by) => {
      const { peerId } = await enrolled(who)
      if (peerId === by)
        throw new MeshError('invalid_argument', `Cannot revoke ${peerId}: that is who asks`, {
          hint: 'Have another admin do it.',
        })
      const forgetAt = await time.sweepTime()
      checkRoom(current((await readList(mesh)).entries, forgetAt), peerId)
      const {
        name,
        serial,
        roles,
        revokedAt = clock.now(),
      } = await store.enrolments.revokeMember(peerId, revoked => ({
        at: clock.now(),
        who: by,
        what: 'revoke',
        detail: { peerId, name: revoked.name, serial: revoked.serial },
      }))
      changes.emit('map')
      if (roles.includes('relay')) await roster.remove(peerId)
      const number = await listed(mesh, { kind: 'peer', id: peerId, at: revokedAt }, forgetAt)
      return { peerId, name, serial, roles, revokedAt, number }
    },

    revokeSerial: async (serial, end) => {
      const forgetAt = await time.sweepTime()
      const entry = { kind: 'serial' as const, id: serial, at: clock.now() }
      return listed(mesh, end === undefined ? entry : { ...entry, end }, forgetAt)
    },

    list: async () => {
      const { part, entries } = await readList(mesh)
      const revoked = entries.flatMap(({ kind, id, at }) =>
        kind === 'peer' ? [{ peerId: id, ...(at === 0 ? {} : { at }) }] : [],
      )
      return { number: part.number, document: part.document, revoked }
    },
  }
}
