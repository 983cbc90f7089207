/**
 * What agents and relays have in common: identity, enrolment, head, map, credential, record and the transport that
 * admits nobody else. {@link openMember} builds it in that order; `stop` ends it in the reverse one.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { admit, meshVersions, MeshError } from '@agent-mesh/protocol'
import { controlPlaneClient, type ControlPlaneClient } from '../discovery/control-plane-client.ts'
import { credentialKeeper, type CredentialKeeper } from '../discovery/credential-keeper.ts'
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
import { listedAddresses } from './listed-addresses.ts'
import type { MemberSettings } from './options.ts'

export interface MemberInit {
  settings: MemberSettings
  log: Logger
  /** `name@version` of what it serves. */
  services: readonly string[]
  /** Hooks and limits of the transport that the kind of member adds. */
  transport?: Pick<TransportInit, 'retire' | 'keep' | 'relay' | 'options'>
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
    const client = controlPlaneClient({ ...controlPlane, signer: identity.signer, clock })
    const credential = await credentialKeeper({ peerId: identity.peerId, client, store, head, clock, log })
    undo.push(() => credential.stop())
    const metrics = memberMetrics({ map, head, log })
    const records: { publisher?: RecordPublisher } = {}
    const transport = await createTransport({
      ...init.transport,
      identity,
      listen: settings.listen,
      ...(settings.announce === undefined ? {} : { announce: settings.announce }),
      hello: () => ({
        versions: [...meshVersions],
        credential: credential.jwt,
        record: records.publisher?.jws,
      }),
      admit: (hello, peerId) => admit(hello, peerId, head.current, clock.now()),
      onRefused: (peerId, reason) => metrics.refused(peerId, reason),
      onError: error => log.debug({ err: error }, 'transport'),
    })
    await transport.start()
    undo.push(() => transport.stop())
    metrics.observeLinks(transport.links)
    const publisher = await publish({ init, identity, client, store, credential, transport, clock })
    records.publisher = publisher
    undo.push(() => publisher.stop())
    const stop = once(() => unwind(undo))
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
      clock,
      log,
      stop,
    }
  } catch (error) {
    await unwind(undo)
    throw error
  }
}

/** The first record of this start. */
function publish(
  parts: Pick<Member, 'identity' | 'client' | 'store' | 'credential' | 'transport' | 'clock'> & {
    init: MemberInit
  },
) {
  const { init, identity, credential, transport, ...rest } = parts
  const { region, zone } = init.settings
  return recordPublisher({
    ...rest,
    log: init.log,
    signer: identity.signer,
    serial: credential.claims.serial,
    fields: {
      addrs: listedAddresses(transport.addresses()),
      homeRelays: [],
      services: [...init.services],
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
    },
  })
}

/** Connections first: nothing new arrives while the rest writes what it has. */
async function unwind(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (const step of undo.reverse()) await step()
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
