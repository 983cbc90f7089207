import {
  MeshError,
  type AuditEvent,
  type AuditKind,
  type CredentialReply,
  type EnrolRequest,
} from '@agent-mesh/protocol'
import type { Enrolment, Joined, Redemption } from '../store/parts/enrolments.ts'
import { credentialLifeMs, freshCredential, issueCredential } from './credentials.ts'
import type { EndedMemberships } from './ended-memberships.ts'
import type { HeadService } from './head.ts'
import type { MeshParts } from './mesh-context.ts'
import type { Revocation } from './revocation.ts'
import { hashOfSecret, randomId } from './secrets.ts'

export interface EnrolmentService {
  /** `peerId` proved its key. @throws MeshError token_invalid, permission_denied, revoked, mesh_full */
  enrol(peerId: string, request: EnrolRequest): Promise<CredentialReply>
  /**
   * Same claims, new time; also for a credential that has expired. One that is fresh is its own renewal: nothing is signed,
   * written or audited. @throws MeshError unauthenticated, revoked
   */
  renew(peerId: string): Promise<CredentialReply>
}

const redemptionOf = (
  peerId: string,
  { secret, name = 'member', region, role, ephemeral }: EnrolRequest,
  expiresAt: number,
): Redemption => ({
  tokenHash: hashOfSecret(secret),
  peerId,
  requestedName: name,
  ...(region === undefined ? {} : { requestedRegion: region }),
  ...(role === undefined ? {} : { role }),
  ephemeral: ephemeral === true,
  serial: randomId(),
  expiresAt,
})

export interface EnrolmentInit {
  head: Pick<HeadService, 'signed'>
  revocation: Pick<Revocation, 'revokeSerial'>
  ended: EndedMemberships
}

export function enrolmentService(
  mesh: MeshParts<'signer' | 'meshId' | 'keys' | 'clock' | 'changes', 'enrolments' | 'audit'>,
  { head, revocation, ended }: EnrolmentInit,
): EnrolmentService {
  const { store, clock } = mesh

  const issue = async (enrolment: Enrolment): Promise<CredentialReply> => ({
    credential: await issueCredential(mesh, enrolment),
    head: await head.signed(),
  })

  const eventOf = (what: AuditKind, { peerId, name, roles, serial, replaced }: Joined): AuditEvent => ({
    at: clock.now(),
    who: peerId,
    what,
    detail: { name, roles, serial, ...(replaced === undefined ? {} : { replaced }) },
  })

  return {
    enrol: async (peerId, request) => {
      const redemption = redemptionOf(peerId, request, clock.now() + credentialLifeMs)
      const {
        enrolment,
        fresh,
        replaced,
        replacedPeer = '',
      } = await store.enrolments.redeem(redemption, joined => eventOf('join', joined))
      // Before it has a credential: a retry after a crash has to return the replaced enrolment again.
      if (replaced !== undefined)
        await revocation.revokeSerial(replaced, { how: 'replaced', peerId: replacedPeer })
      if (fresh) {
        mesh.changes.emit('join')
        // A new enrolment of a known key removes its old pair from the map.
        mesh.changes.emit('map')
      }
      const known = fresh ? undefined : await freshCredential(mesh, enrolment)
      return known === undefined ? issue(enrolment) : { credential: known, head: await head.signed() }
    },

    renew: async peerId => {
      const enrolment = await store.enrolments.readEnrolment(peerId)
      if (enrolment === undefined) throw await ended.refusal(peerId, 'renew credential')
      if (enrolment.revokedAt !== undefined)
        throw new MeshError('revoked', `Cannot renew credential: ${enrolment.name} was revoked`)
      const fresh = await freshCredential(mesh, enrolment)
      if (fresh !== undefined) return { credential: fresh, head: await head.signed() }
      // Audited first: a renewal that fails afterwards leaves a surplus entry, but none is ever missing.
      await store.audit.appendAudit(eventOf('renew', enrolment))
      return issue(enrolment)
    },
  }
}
