/**
 * What agents and relays have in common: identity, enrolment, head, map, credential, record and the transport that
 * admits nobody else. {@link openMember} builds it in that order; `stop` ends it in the reverse one.
 */
import { mkdir } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { admit, meshVersions, MeshError, type Hello, type VerifiedHead } from '@agent-mesh/protocol'
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
import { systemWheelClock } from '../rpc/index.ts'
import type { Link } from '../transport/link.ts'
import type { NetworkWatch } from '../transport/network-watch.ts'
import { observePaths } from '../observe/path-metrics.ts'
import { createTransport, type Transport, type TransportInit } from '../transport/transport.ts'
import type { ServiceRegistry } from '../services/index.ts'
import { defaults } from './defaults.ts'
import { ExpiredLinks } from './expired-links.ts'
import { listedAddresses } from './listed-addresses.ts'
import { followNetwork } from './moves.ts'
import type { MemberSettings } from './options.ts'
import { pathReport } from './path-report.ts'
import { PathWatch } from './path-watch.ts'
import { Revocations } from './revocations.ts'
import { serving, type Serving } from './serving.ts'

export interface MemberInit {
  settings: MemberSettings
  log: Logger
  /** Hooks and limits of the transport that the kind of member adds. */
  transport?: Pick<TransportInit, 'keep' | 'relay' | 'options'>
  /** Whether a link is probed though nothing waits on it. @default none */
  alwaysProbe?: (link: Link) => boolean
  /** Looks for better paths than relayed ones. @default false */
  upgrades?: boolean
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
  readonly pathWatch: PathWatch
  /** Started; tells when the network of the host changes. */
  readonly network: NetworkWatch
  readonly revocations: Revocations
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
  const { join: token, name, region, proxy } = settings
  const wanted = {
    ...(name === undefined ? {} : { name }),
    ...(region === undefined ? {} : { region }),
    proxy,
  }
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

/** @throws MeshError what joining, the data folder or the listen addresses may throw */
export async function openMember(init: MemberInit): Promise<Member> {
  const { settings, log, clock = systemClock } = init
  await mkdir(settings.data, { recursive: true, mode: 0o700 })
  const identity = await openIdentity(settings.data)
  const store = openMemberStore(join(settings.data, 'member.db'))
  const undo: (() => Promise<void> | void)[] = [() => store.close()]
  try {
    const controlPlane = await joinOnce(init, identity, store, clock)
    const head = await headKeeper({ meshId: controlPlane.meshId, store, log })
    const map = await openMeshMap({ store, head, log, clock })
    const client = controlPlaneClient({
      ...controlPlane,
      signer: identity.signer,
      clock,
      proxy: settings.proxy,
    })
    const credential = await credentialKeeper({ peerId: identity.peerId, client, store, head, clock, log })
    undo.push(() => credential.stop())
    const metrics = memberMetrics({ map, head, log })
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
    const pathTo = (to: string) => pathReport({ identity, map, transport, serving: served }, to)
    const served: Serving = serving({ head, metrics, data: settings.data, pathTo, onChange })
    const hello = (): Hello => ({
      versions: [...meshVersions],
      credential: credential.jwt,
      record: records.publisher?.jws,
    })
    const transport = await openTransport({ init, identity, head, metrics, serving: served, clock, hello })
    const self = { peerId: identity.peerId, serial: () => credential.claims.serial }
    const { sessions } = served
    const revocations = new Revocations({ self, head, links: transport.links, sessions, clock, log })
    metrics.observeRevocations(revocations)
    await transport.start()
    undo.push(() => transport.stop())
    undo.push(endExpired(transport, served, clock))
    const pathWatch = watchPaths(init, transport, served)
    undo.push(() => pathWatch.stop())
    const { registry } = served
    const own = { init, registry, identity, client, store, credential, transport, clock }
    const publisher = await publish(own)
    records.publisher = publisher
    undo.push(() => publisher.stop())
    const network = followNetwork({ transport, publisher, pathWatch, log })
    undo.push(() => network.stop())
    revocations.start()
    return {
      identity,
      controlPlane,
      store,
      head,
      map,
      client,
      credential,
      publisher,
      transport,
      metrics,
      serving: served,
      pathWatch,
      network,
      revocations,
      clock,
      log,
      stop: once(() => unwind(undo)),
    }
  } catch (error) {
    await unwind(undo)
    throw error
  }
}

interface TransportParts extends Pick<Member, 'identity' | 'head' | 'metrics' | 'serving' | 'clock'> {
  init: MemberInit
  hello: () => Hello
}

/** The transport, wired to admission, calls and revocations; not started. */
async function openTransport({ init, identity, head, metrics, serving, clock, hello }: TransportParts) {
  const { listen, announce, proxy } = init.settings
  const transport = await createTransport({
    ...init.transport,
    identity,
    listen,
    ...(announce === undefined ? {} : { announce }),
    proxy,
    hello,
    admit: (theirs, peerId) => admit(theirs, peerId, head.current, clock.now()),
    retire: link => serving.sessions.retire(link),
    verify: async link => void (await serving.sessions.of(link).ping(defaults.verifyMs)),
    upgrades:
      init.upgrades === true
        ? { relays: () => head.current.relays, onReport: report => metrics.pathUpgraded(report) }
        : undefined,
    onRefused: (peerId, reason) => metrics.refused(peerId, reason),
    onError: error => init.log.debug({ err: error }, 'transport'),
  })
  transport.links.onUp(link => serving.sessions.of(link))
  serving.sessions.onGoingAway(link => transport.links.leaving(link))
  head.onChange(({ keys }) => cutOffVoid(transport, keys))
  metrics.observeLinks(transport.links)
  const bytesOf = (link: Link) => serving.sessions.of(link).stats
  observePaths({ registry: metrics.registry, links: transport.links, bytesOf })
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

/** Silent links become suspect, and end. */
function watchPaths({ alwaysProbe }: MemberInit, { links }: Transport, { sessions }: Serving): PathWatch {
  const pathWatch = new PathWatch({
    links,
    rpcOf: link => sessions.of(link),
    alwaysProbe: alwaysProbe ?? (() => false),
    clock: systemWheelClock,
  })
  pathWatch.start()
  return pathWatch
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

/** The first record of this start. */
function publish(
  parts: Pick<Member, 'identity' | 'client' | 'store' | 'credential' | 'transport' | 'clock'> & {
    init: MemberInit
    registry: ServiceRegistry
  },
) {
  const { init, registry, identity, credential, transport, ...rest } = parts
  const { region, zone } = init.settings
  return recordPublisher({
    ...rest,
    log: init.log,
    signer: identity.signer,
    serial: credential.claims.serial,
    fields: {
      addrs: listedAddresses(transport.addresses(), networkInterfaces()),
      homeRelays: [],
      services: registry.refs,
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
    },
  })
}

/** What was begun last ends first. */
async function unwind(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (const step of undo.reverse()) await step()
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
