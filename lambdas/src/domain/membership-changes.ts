/** How memberships change and end after the join: by an admin, or by the member itself. */
import { MeshError, type AmendMembershipRequest, type RemoveMembershipReply } from '@agent-mesh/protocol'
import type { Enrolment } from '../store/parts/enrolments.ts'
import type { Caller } from './callers.ts'
import { freshCredential, issueCredential } from './credentials.ts'
import { enrolledAs } from './membership-lists.ts'
import type { MeshParts } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'
import type { Revocation } from './revocation.ts'

export interface MembershipChanges {
  /**
   * Changes name, tags or region: the member gets a new credential, which is sent to all. Idempotent.
   * @param allow refuses changes that the caller has no right to
   * @throws MeshError not_found, revoked, conflict when the name is held
   */
  amend(
    who: string,
    change: AmendMembershipRequest,
    by: string,
    allow: (next: Pick<Enrolment, 'name' | 'roles' | 'tags'>) => Promise<void>,
  ): Promise<void>
  /**
   * Ends a membership: its credential is invalid at once, its name is free, its key may join anew with a token.
   * @throws MeshError not_found, revoked, invalid_argument for oneself
   */
  remove(who: string, by: string): Promise<RemoveMembershipReply>
  /** Ends the membership of the caller. Its credential, which it deletes, is valid until it expires. */
  leave(caller: Caller): Promise<void>
}

export function membershipChanges(
  mesh: MeshParts<'signer' | 'meshId' | 'keys' | 'clock' | 'changes', 'enrolments' | 'directory'>,
  {
    roster,
    revocation,
  }: { roster: Pick<RelayRoster, 'remove'>; revocation: Pick<Revocation, 'revokeSerial'> },
): MembershipChanges {
  const { store, clock, changes } = mesh

  const end = async ({ peerId, serial, roles }: Enrolment, by: string, what: 'end' | 'leave') => {
    await store.enrolments.endEnrolment(peerId, serial, ({ name }) => ({
      at: clock.now(),
      who: by,
      what,
      detail: { peerId, name, serial },
    }))
    changes.emit('map')
    if (roles.includes('relay')) await roster.remove(peerId)
  }

  return {
    amend: async (who, change, by, allow) => {
      const found = await enrolledAs(store, who, 'change')
      const { peerId, serial, roles } = found
      if (found.revokedAt !== undefined)
        throw new MeshError('revoked', `Cannot change ${found.name}: it was revoked`)
      const { name = found.name, tags = found.tags, region } = change
      await allow({ name, roles, tags })
      const wanted = { peerId, serial, name, tags, ...(region === undefined ? {} : { region }) }
      const amended = await store.enrolments.amendEnrolment(wanted, next => ({
        at: clock.now(),
        who: by,
        what: 'amend',
        detail: { peerId, serial, was: found.name, name: next.name, tags: next.tags, region: next.region },
      }))
      // Also without a change now: a crash may have happened between the two writes.
      if ((await freshCredential(mesh, amended)) === undefined) await issueCredential(mesh, amended)
      changes.emit('map')
    },

    remove: async (who, by) => {
      const found = await enrolledAs(store, who, 'remove')
      const { peerId, name, serial } = found
      if (peerId === by)
        throw new MeshError('invalid_argument', `Cannot remove ${name}: that is who asks`, {
          hint: 'Have another admin do it.',
        })
      if (found.revokedAt !== undefined)
        throw new MeshError('revoked', `Cannot remove ${name}: it was revoked, and its key stays refused`, {
          hint: `Give the name to another machine: agent-mesh token create --name ${name} --replace`,
        })
      // The list is written first: a retry after a crash still finds the enrolment.
      const number = await revocation.revokeSerial(serial, { how: 'removed', peerId })
      await end(found, by, 'end')
      return { peerId, name, serial, number }
    },

    leave: caller => end(caller, caller.peerId, 'leave'),
  }
}
