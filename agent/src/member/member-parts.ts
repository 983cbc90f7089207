/** What a member is made of, and what it is started with. */
import type { AskingPace } from '../discovery/asking-pace.ts'
import type { ControlPlaneClient } from '../discovery/control-plane-client.ts'
import type { CredentialKeeper } from '../discovery/credential-keeper.ts'
import type { ControlPlaneRef } from '../discovery/enrolment.ts'
import type { RecordPublisher } from '../discovery/record-publisher.ts'
import type { Health } from '../health/health.ts'
import type { Identity, OwnedFolder } from '../identity/index.ts'
import type { Belief } from '../membership/belief.ts'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { MemberStore } from '../membership/member-store.ts'
import type { MeshMap } from '../membership/mesh-map.ts'
import type { Presence } from '../membership/presence.ts'
import type { Verdicts } from '../membership/verdicts.ts'
import type { Clock } from '../observe/clock.ts'
import type { ClockWatch } from '../observe/clock-watch.ts'
import type { Logger } from '../observe/logger.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { NetworkWatch } from '../transport/network-watch.ts'
import type { Transport, TransportInit } from '../transport/transport.ts'
import type { MemberSettings } from './options.ts'
import type { PathWatch } from '../paths/path-watch.ts'
import type { Clones } from './clones.ts'
import type { MemberAudit } from './member-audit.ts'
import { RevokedMembers } from './revocations.ts'
import type { ShedSettings } from '../services/index.ts'
import type { RoundTrips } from './round-trips.ts'
import type { Serving } from './serving.ts'

export interface MemberInit {
  /** What it starts as: its credential must have the role. */
  role: 'agent' | 'relay'
  settings: MemberSettings
  /** The data folder, when the caller owns it. @default owned until the member stops */
  folder?: OwnedFolder | undefined
  log: Logger
  /** What the kind of member adds to the transport. */
  transport?: Pick<TransportInit, 'relay' | 'options'>
  /** Spans of the calls that it makes and serves. @default none */
  tracing?: Tracing | undefined
  /** What it refuses when it is short of processor time or memory. @default as `resilience` of an agent */
  shed?: ShedSettings | false | undefined
  /** Looks for better paths than relayed ones. @default false */
  upgrades?: boolean
  /** What the record lists beside the addresses listened on, now and after each change of the network. @default nothing */
  alsoListed?: (addrs: readonly string[]) => string[]
  clock?: Clock
  /** Gives up while joining. */
  signal?: AbortSignal | undefined
}

/** The parts: built by `openMember`, running from {@link Member.start} on. Hooks are added in between. */
export interface Member {
  readonly identity: Identity
  readonly controlPlane: ControlPlaneRef
  readonly store: MemberStore
  readonly head: HeadKeeper
  readonly map: MeshMap
  readonly client: ControlPlaneClient
  readonly pace: AskingPace
  readonly credential: CredentialKeeper
  /** The name that it asked for and does not have, at the first start that finds so. */
  readonly askedName: string | undefined
  readonly publisher: RecordPublisher
  readonly transport: Transport
  readonly metrics: MemberMetrics
  readonly serving: Serving
  readonly pathWatch: PathWatch
  /** What relays report. */
  readonly presence: Presence
  /** What failure detection says of members. */
  readonly verdicts: Verdicts
  /** Which members are online. */
  readonly belief: Belief
  /** Emits changes of the host's network. */
  readonly network: NetworkWatch
  /** How far other members are. */
  readonly roundTrips: RoundTrips
  /** What runs when it stops has this long to end, ms. */
  readonly drainMs: number
  readonly revocations: RevokedMembers
  readonly audit: MemberAudit
  /** Checks, and what was done to recover. */
  readonly health: Health
  readonly clones: Clones
  readonly clock: Clock
  /** Emits steps of the host's clock. */
  readonly clockWatch: ClockWatch
  readonly log: Logger
  /** Which settings of failure detection it has. */
  readonly preset: MemberSettings['preset']
  /** Removed from the map when it stops. */
  readonly ephemeral: boolean
  /** Listens, and publishes the record. Once. @throws MeshError what listening may throw; cancelled */
  start(signal?: AbortSignal): Promise<void>
  /** Ends connections first, then what writes, then the store. Idempotent. */
  stop(): Promise<void>
}
