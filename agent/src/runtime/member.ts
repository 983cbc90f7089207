/**
 * What agents and relays have in common: identity, enrolment, head, map, credential, record and the transport that
 * admits nobody else. {@link openMember} builds it in that order; `stop` ends it in the reverse one.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  admit,
  isRemoval,
  meshVersions,
  MeshError,
  type Hello,
  type MapChange,
  type VerifiedHead,
} from '@agent-mesh/protocol'
import { controlPlaneClient, type ControlPlaneClient } from '../discovery/control-plane-client.ts'
import { credentialKeeper, signedByRevoked, type CredentialKeeper } from '../discovery/credential-keeper.ts'
import { enrol, enrolledIn, type ControlPlaneRef } from '../discovery/enrolment.ts'
import { recordPublisher, type RecordPublisher } from '../discovery/record-publisher.ts'
import { openIdentity, type Identity } from '../identity/index.ts'
import { headKeeper, type HeadKeeper } from '../membership/head-keeper.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { openMeshMap, type MeshMap } from '../membership/mesh-map.ts'
import { systemClock, type Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { memberMetrics, type MemberMetrics } from '../observe/member-metrics.ts'
import { createTransport, type Transport, type TransportInit } from '../transport/transport.ts'
import type { ServiceRegistry } from '../services/index.ts'
import { Clones, newBoot } from './clones.ts'
import { ExpiredLinks } from './expired-links.ts'
import { listedAddresses } from './listed-addresses.ts'
import type { MemberSettings } from './options.ts'
import { MemberAudit } from './member-audit.ts'
import { Revocations } from './revocations.ts'
import { serving, type Serving, type ServingInit } from './serving.ts'

export interface MemberInit {
  settings: MemberSettings
  log: Logger
  /** Hooks and limits of the transport that the kind of member adds. */
  transport?: Pick<TransportInit, 'keep' | 'relay' | 'options'>
  /** Called with the transport before it starts: nothing has arrived yet. */
  beforeStart?: (transport: Transport) => void
  clock?: Clock
  /** Gives up while joining. */
  signal?: AbortSignal
}

/** The parts, each started. */
export interface Member {
  readonly identity: Identity
  readonly controlPlane: ControlPlaneRef
  readonly store: MemberStore
  readonly head: HeadKeeper
  readonly map: MeshMap
  readonly client: ControlPlaneClient
  readonly credential: CredentialKeeper
  readonly publisher: RecordPublisher
  readonly transport: Transport
  readonly metrics: MemberMetrics
  readonly serving: Serving
  readonly revocations: Revocations
  readonly audit: MemberAudit
  readonly clones: Clones
  readonly clock: Clock
  readonly log: Logger
  /** Ends connections first, then what writes, then the store. Idempotent. */
  stop(): Promise<void>
}

async function joinOnce(
  init: MemberInit,
  identity: Identity,
  store: MemberStore,
  clock: Clock,
): Promise<ControlPlaneRef> {
  const { settings, log, signal } = init
  if (settings.join === undefined) {
    const known = enrolledIn(store)
    if (known !== undefined) return known
    throw new MeshError('unauthenticated', `Cannot start: ${settings.data} belongs to no mesh yet`, {
      hint: 'Get a join token ("agent-mesh token create") and pass it with --join.',
    })
  }
  const { join: token, name, region } = settings
  const wanted = { ...(name === undefined ? {} : { name }), ...(region === undefined ? {} : { region }) }
  return enrol({
    token,
    signer: identity.signer,
    store,
    clock,
    log,
    ...wanted,
    ...(signal ? { signal } : {}),
  })
}

type Undo = (() => Promise<void> | void)[]
type Knowledge = Pick<
  Member,
  | 'identity'
  | 'controlPlane'
  | 'store'
  | 'head'
  | 'map'
  | 'client'
  | 'credential'
  | 'metrics'
  | 'audit'
  | 'clock'
  | 'log'
>

/** Who this is and what it knows: all there is before it speaks to others. `undo` takes what must be ended. */
async function openKnowledge(init: MemberInit, undo: Undo): Promise<Knowledge> {
  const { settings, log, clock = systemClock } = init
  await mkdir(settings.data, { recursive: true, mode: 0o700 })
  const identity = await openIdentity(settings.data)
  const store = openMemberStore(join(settings.data, 'member.db'))
  undo.push(() => store.close())
  const audit = new MemberAudit({ folder: settings.data, peerId: identity.peerId, clock, log })
  undo.push(() => audit.stop())
  const before = store.get('credential')
  const controlPlane = await joinOnce(init, identity, store, clock)
  const head = await headKeeper({ meshId: controlPlane.meshId, store, log })
  const map = await openMeshMap({ store, head, log, clock })
  const client = controlPlaneClient({ ...controlPlane, signer: identity.signer, clock })
  const credential = await credentialKeeper({ peerId: identity.peerId, client, store, head, clock, log })
  undo.push(() => credential.stop())
  if (credential.jwt !== before)
    audit.credentialGiven(before === undefined ? 'join' : 'renew', credential.claims)
  const metrics = memberMetrics({ map, head, log })
  return { identity, controlPlane, store, head, map, client, credential, metrics, audit, clock, log }
}

/** @throws MeshError what joining, the data folder or the listen addresses may throw */
export async function openMember(init: MemberInit): Promise<Member> {
  const undo: Undo = []
  try {
    const known = await openKnowledge(init, undo)
    const { identity, head, map, credential, metrics, audit, clock, log } = known
    const records: { publisher?: RecordPublisher } = {}
    credential.onRenewed(({ wasVoid }) => {
      // Others hold the pair with the void credential: only a new record makes them take the new one.
      const told = wasVoid ? records.publisher?.again() : undefined
      told?.catch((err: unknown) => log.error({ err }, 'renewed credential not told to the mesh'))
    })
    const onChange = () => {
      const updated = records.publisher?.update({ services: served.registry.refs })
      updated?.catch((err: unknown) => log.error({ err }, 'services not told in the member record'))
    }
    const onDenied: ServingInit['onDenied'] = question => audit.denied(question)
    const served: Serving = serving({ head, metrics, data: init.settings.data, onDenied, onChange })
    const boot = newBoot()
    const hello = (): Hello => ({
      versions: [...meshVersions],
      credential: credential.jwt,
      record: records.publisher?.jws,
      boot,
    })
    const transport = await openTransport({ ...known, init, serving: served, hello })
    const self = { peerId: identity.peerId, serial: () => credential.claims.serial }
    const { registry, sessions } = served
    const revocations = new Revocations({ self, head, links: transport.links, sessions, clock, log })
    metrics.observeRevocations(revocations)
    audit.follow({ credential, revocations, map })
    const clones = new Clones({
      links: transport.links,
      ping: link => sessions.of(link).ping(),
      audit,
      count: () => metrics.clonedKey(),
      log,
    })
    await transport.start()
    undo.push(() => transport.stop())
    undo.push(endExpired(transport, served, clock))
    const publisher = await publish({ ...known, init, registry, transport })
    records.publisher = publisher
    publisher.onOutdone(incarnation => clones.own(identity.peerId, incarnation))
    map.onChange(() => publisher.sees(map.get(identity.peerId)?.record.incarnation ?? 0))
    map.onChange(changes => comeBack(changes, { identity, credential, publisher, log }))
    undo.push(() => publisher.stop())
    revocations.start()
    const stop = once(() => unwind(undo))
    return { ...known, publisher, transport, serving: served, revocations, clones, stop }
  } catch (error) {
    await unwind(undo)
    throw error
  }
}

interface TransportParts extends Pick<
  Member,
  'identity' | 'head' | 'metrics' | 'audit' | 'serving' | 'clock'
> {
  init: MemberInit
  hello: () => Hello
}

/** The transport, wired to admission, calls and revocations; not started. */
async function openTransport(parts: TransportParts) {
  const { init, identity, head, metrics, audit, serving, clock, hello } = parts
  const { listen, announce } = init.settings
  const transport = await createTransport({
    ...init.transport,
    identity,
    listen,
    ...(announce === undefined ? {} : { announce }),
    hello,
    admit: (theirs, peerId) => admit(theirs, peerId, head.current, clock.now()),
    retire: link => serving.sessions.retire(link),
    onRefused: (peerId, reason) => {
      metrics.refused(peerId, reason)
      audit.refused(peerId, reason)
    },
    onError: error => init.log.debug({ err: error }, 'transport'),
  })
  transport.links.onUp(link => serving.sessions.of(link))
  head.onChange(({ keys }) => cutOffVoid(transport, keys))
  metrics.observeLinks(transport.links)
  init.beforeStart?.(transport)
  return transport
}

/** Links end with their peers' credentials. @returns how to stop looking */
function endExpired({ links }: Transport, { sessions }: Serving, clock: Clock): () => Promise<void> {
  const expired = new ExpiredLinks({
    links,
    clock,
    retire: link => sessions.retire(link).finally(() => link.close()),
  })
  expired.start()
  return () => expired.stop()
}

/** Whoever was admitted on the word of a stolen authority key is cut off; members come back with a renewed credential. */
function cutOffVoid(transport: Transport, keys: VerifiedHead['keys']): void {
  if (!keys.authorities.some(({ revoked }) => revoked)) return
  for (const { peer } of transport.links.all())
    if (signedByRevoked(peer.signed.credential, keys))
      transport.links.disconnect(
        peer.peerId,
        new MeshError(
          'unauthenticated',
          `Cannot go on with ${peer.credential.name}: its credential is signed by a revoked authority key`,
        ),
      )
}

/** Whoever was taken out of the map as offline and hears of it was only out of sight: it publishes anew. */
function comeBack(
  changes: readonly MapChange[],
  { identity, credential, publisher, log }: Pick<Member, 'identity' | 'credential' | 'publisher' | 'log'>,
): void {
  const { serial } = credential.claims
  if (
    !changes.some(change => isRemoval(change) && change.peerId === identity.peerId && change.gone === serial)
  )
    return
  publisher.again().catch((err: unknown) => log.error({ err }, 'not back in the map'))
}

/** The first record of this start. */
function publish(
  parts: Pick<Member, 'identity' | 'client' | 'store' | 'credential' | 'transport' | 'clock'> & {
    init: MemberInit
    registry: ServiceRegistry
  },
) {
  const { init, registry, identity, client, store, credential, transport, clock } = parts
  const { region, zone } = init.settings
  return recordPublisher({
    client,
    store,
    clock,
    log: init.log,
    signer: identity.signer,
    serial: credential.claims.serial,
    fields: {
      addrs: listedAddresses(transport.addresses()),
      homeRelays: [],
      services: registry.refs,
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
    },
  })
}

/** What was begun last ends first. */
async function unwind(undo: Undo): Promise<void> {
  for (const step of undo.reverse()) await step()
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
