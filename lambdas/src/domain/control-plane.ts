import type { policyReply } from '@agent-mesh/protocol'
import type * as z from 'zod/mini'
import { auditLog, type AuditLog } from './audit-log.ts'
import { auditSeal, type AuditSeal } from './audit-seal.ts'
import { callers, type Callers } from './callers.ts'
import { endedMemberships } from './ended-memberships.ts'
import { enrolmentService, type EnrolmentService } from './enrolment.ts'
import { headService, type HeadService } from './head.ts'
import { readPolicy } from './head-documents.ts'
import { meshHealth } from './health.ts'
import { healthHistory, type HealthHistory } from './health-history.ts'
import { joinTokens, type JoinTokens } from './join-tokens.ts'
import { mapPages, type MapPages } from './map-pages.ts'
import { memberLists, type MemberLists } from './member-lists.ts'
import { membershipChanges, type MembershipChanges } from './membership-changes.ts'
import { membershipLists, type MembershipLists } from './membership-lists.ts'
import type { MeshContext } from './mesh-context.ts'
import { policyWriting, type PolicyWriting } from './policy-writing.ts'
import { publishing, type Publishing } from './publishing.ts'
import { relayReports, type RelayReports } from './relay-reports.ts'
import { removeOffline } from './removal.ts'
import { relayRoster } from './relay-roster.ts'
import { revocation, type Revocation } from './revocation.ts'
import { strangerHead, type StrangerHead } from './stranger-head.ts'
import { scaling, type Scaling } from './scaling.ts'
import { storeTime, type StoreTime } from './store-time.ts'

/** Faults that do not stop requests from being answered, in words. */
export interface Readiness {
  warnings: string[]
}

/** Everything the control plane can do, independent of the transport of requests. */
export interface ControlPlane {
  readonly mesh: MeshContext
  readonly callers: Callers
  readonly head: HeadService
  readonly strangerHead: StrangerHead
  readonly enrolment: EnrolmentService
  readonly publishing: Publishing
  readonly members: MemberLists
  readonly memberships: MembershipLists & MembershipChanges
  readonly map: MapPages
  readonly reports: RelayReports
  readonly tokens: JoinTokens
  readonly audit: AuditLog
  readonly auditSeal: AuditSeal
  readonly health: ReturnType<typeof meshHealth>
  readonly healthHistory: HealthHistory
  readonly scaling: Scaling
  readonly time: StoreTime
  /** @throws MeshError when its store does not answer */
  ready(): Promise<Readiness>
  /** Removes what has expired; while the clock is in doubt, only rows that are recreated automatically. */
  collectGarbage(): Promise<void>
  /** Removes members from the map that were offline for too long, unless the clock is in doubt. @returns how many */
  removeOffline(): Promise<number>
  readonly policyWriting: PolicyWriting
  readonly revocation: Revocation
  policy(): Promise<z.output<typeof policyReply>>
}

/** Composes the parts over one mesh. */
export function controlPlane(mesh: MeshContext): ControlPlane {
  const head = headService(mesh)
  const health = meshHealth(mesh)
  const roster = relayRoster(mesh)
  const time = storeTime(mesh)
  const seal = auditSeal(mesh)
  const revoking = revocation(mesh, roster, time)
  const ended = endedMemberships(mesh, head)
  const agrees = async (): Promise<boolean> => (await time.look()).state === 'agrees'
  return {
    mesh,
    head,
    strangerHead: strangerHead(mesh, head),
    callers: callers(mesh, ended),
    enrolment: enrolmentService(mesh, { head, revocation: revoking, ended }),
    publishing: publishing(mesh, roster),
    members: memberLists(mesh),
    memberships: { ...membershipLists(mesh), ...membershipChanges(mesh, { roster, revocation: revoking }) },
    map: mapPages(mesh),
    reports: relayReports(mesh.store.presence, head),
    tokens: joinTokens(mesh),
    audit: auditLog(mesh),
    auditSeal: seal,
    health,
    healthHistory: healthHistory({ ...mesh, health }),
    scaling: scaling(mesh),
    policyWriting: policyWriting(mesh),
    time,
    ready: async () => {
      await mesh.store.ping()
      await time.look()
      return { warnings: [time.warning() ?? [], seal.warning() ?? []].flat() }
    },
    collectGarbage: async () => mesh.store.collectGarbage((await agrees()) ? {} : { keep: 'lapsed' }),
    removeOffline: async () => ((await agrees()) ? removeOffline({ ...mesh, roster }) : 0),
    revocation: revoking,
    policy: async () => {
      const { part, policy } = await readPolicy(mesh)
      return { number: part.number, policy, document: part.document }
    },
  }
}
