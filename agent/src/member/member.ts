/**
 * What agents and relays have in common: identity, enrolment, head, map, credential, record and the transport that
 * admits nobody else. {@link openMember} builds it in that order; `stop` ends it in the reverse one.
 */
import { networkInterfaces } from 'node:os'
import { isRemoval, meshVersions, type Hello, type MapChange } from '@agent-mesh/protocol'
import { recordPublisher, type RecordPublisher } from '../discovery/record-publisher.ts'
import { after } from '../observe/clock.ts'
import { ClockWatch } from '../observe/clock-watch.ts'
import type { ServiceRegistry } from '../services/index.ts'
import { Clones, newBoot } from './clones.ts'
import { memberDefaults } from './defaults.ts'
import { KnownAddresses } from '../paths/known-addresses.ts'
import { listedAddresses } from './listed-addresses.ts'
import { followNetwork } from './follow-network.ts'
import { pathReport } from './path-report.ts'
import { Revocations } from './revocations.ts'
import { serving, type Serving, type ServingInit } from './serving.ts'
import { openKnowledge, type Undo } from './member-knowledge.ts'
import type { Member, MemberInit } from './member-parts.ts'
import { throwIfCancelled } from './options.ts'
import { believe, endExpired, openTransport, watchPaths } from './member-transport.ts'

export type { Member, MemberInit } from './member-parts.ts'

/** @throws MeshError what joining, the data folder or the listen addresses may throw */
export async function openMember(init: MemberInit): Promise<Member> {
  const undo: Undo = []
  try {
    const known = await openKnowledge(init, undo)
    const { identity, head, map, client, credential, metrics, audit, clock, log } = known
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
    const onDenied: ServingInit['onDenied'] = question => audit.denied(question)
    const { data } = init.settings
    const name = () => credential.claims.name
    const served: Serving = serving({ head, metrics, data, name, pathTo, onDenied, onChange })
    const hello = helloOf(credential, records)
    const transport = await openTransport({ ...known, init, serving: served, hello })
    const { links, history } = transport
    rememberAddresses({ history, store: known.store, log }, undo)
    const { registry, sessions } = served
    const self = { peerId: identity.peerId, serial: () => credential.claims.serial }
    const revocations = new Revocations({ self, head, client, links, sessions, clock, log })
    metrics.observeRevocations(revocations)
    audit.follow({ credential, revocations, map })
    const count = () => metrics.clonedKey()
    const clones = new Clones({ links, ping: link => sessions.of(link).ping(), audit, count, log })
    // One that fails to listen at one address may listen at another.
    undo.push(() => clones.stop())
    undo.push(() => transport.stop())
    throwIfCancelled(init.signal)
    await transport.start()
    undo.push(endExpired(transport, served, clock))
    const pathWatch = watchPaths(init, transport, served, undo)
    const beliefs = believe({ ...known, transport, serving: served, pathWatch }, undo)
    const publisher = await publish({ ...known, init, registry, transport, revocations })
    records.publisher = publisher
    followOwnRecord({ ...known, publisher, clones })
    undo.push(() => publisher.stop(), tellAgain({ ...known, publisher }))
    const network = followNetwork({ transport, publisher, pathWatch, alsoListed: init.alsoListed, log })
    undo.push(() => network.stop())
    const clockWatch = followClock({ ...known, publisher }, undo)
    revocations.start()
    const watching = { pathWatch, ...beliefs, network, clockWatch, revocations, clones }
    const started = { ...watching, publisher, transport, serving: served, ...leavingOf(init) }
    return { ...known, ...started, stop: once(() => unwind(undo)) }
  } catch (error) {
    await unwind(undo).catch((err: unknown) => init.log.error({ err }, 'a failed start was not undone'))
    throw error
  }
}

/** How it stops. */
const leavingOf = ({
  settings: { drain, ephemeral },
}: MemberInit): Pick<Member, 'drainMs' | 'ephemeral'> => ({
  drainMs: drain,
  ephemeral,
})

/** Dials of the next start begin where those of this one succeeded. */
function rememberAddresses(init: ConstructorParameters<typeof KnownAddresses>[0], undo: Undo): void {
  const addresses = new KnownAddresses(init)
  addresses.start()
  undo.push(() => addresses.stop())
}

/** What each connection is told of this member: its documents of that moment. */
function helloOf(
  credential: Pick<Member['credential'], 'jwt'>,
  records: { publisher?: RecordPublisher },
): () => Hello {
  const boot = newBoot()
  return () => ({
    versions: [...meshVersions],
    credential: credential.jwt,
    record: records.publisher?.jws,
    boot,
  })
}

/** What the map says of this member itself: a record that somebody else raised, or its removal. */
function followOwnRecord(
  own: Pick<Member, 'identity' | 'credential' | 'map' | 'publisher' | 'clones' | 'log'>,
): void {
  const { identity, map, publisher, clones } = own
  publisher.onOutdone(incarnation => clones.own(identity.peerId, incarnation))
  publisher.onAlone(() => clones.alone())
  map.onChange(() => publisher.sees(map.get(identity.peerId)?.record.incarnation ?? 0))
  map.onChange(changes => comeBack(changes, own))
  map.onChange(followClaims(own))
}

/** An admin changed name, tags or region of this member: the map has its new credential before it has it itself. */
function followClaims({
  identity: { peerId },
  credential,
  map,
}: Pick<Member, 'identity' | 'credential' | 'map'>): (changes: readonly MapChange[]) => void {
  let asked = ''
  return changes => {
    if (!changes.some(change => change.peerId === peerId)) return
    const listed = map.get(peerId)?.credential
    const { serial, iat, jti } = credential.claims
    if (listed?.serial !== serial || listed.jti === jti || listed.iat < iat || listed.jti === asked) return
    // Once for each: a map that shows an old one must not make this member ask at every change.
    asked = listed.jti
    credential.refresh()
  }
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

/**
 * A map that is to be read anew may be that of a restored control plane, which has an older record of this member, or knows it no
 * more: it is told again, not by all members in the same moment. @returns how to stop
 */
function tellAgain({ map, publisher, clock }: Pick<Member, 'map' | 'publisher' | 'clock'>): () => void {
  let cancel = () => {}
  const unlisten = map.onRestart(() => {
    cancel()
    cancel = after(clock, Math.random() * memberDefaults.tellAgainMs, () => publisher.tellAgain())
  })
  return () => {
    unlisten()
    cancel()
  }
}

/** What the wrong time made this member refuse is taken, and what made others refuse it is signed anew, once the clock is set. */
function followClock(
  parts: Pick<Member, 'map' | 'credential' | 'publisher' | 'clock' | 'log'>,
  undo: Undo,
): ClockWatch {
  const { map, credential, publisher, clock, log } = parts
  const onError = (err: unknown) => log.error({ err }, 'the clock was set, and not all followed it')
  const watch = new ClockWatch({ clock, onError })
  watch.onSet(ms => {
    log.warn({ ms: Math.round(ms) }, 'the clock of this machine was set, or the machine slept')
    credential.look()
    Promise.all([publisher.clockSet(), map.clockSet()]).catch(onError)
  })
  watch.start()
  undo.push(() => watch.stop())
  return watch
}

/** The first record of this start. */
function publish(
  parts: Pick<
    Member,
    'identity' | 'client' | 'store' | 'credential' | 'transport' | 'revocations' | 'clock'
  > & {
    init: MemberInit
    registry: ServiceRegistry
  },
) {
  const { init, registry, identity, client, store, credential, transport, revocations, clock } = parts
  const { region, zone } = init.settings
  return recordPublisher({
    client,
    store,
    clock,
    log: init.log,
    signer: identity.signer,
    serial: credential.claims.serial,
    isRevoked: signal => revocations.confirm(signal),
    fields: {
      addrs: listedAddresses(transport.addresses(), networkInterfaces()),
      homeRelays: [],
      services: registry.refs,
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
    },
  })
}

/** What was begun last ends first; a step that fails keeps none of the others from ending. @throws what the first of them threw */
async function unwind(undo: Undo): Promise<void> {
  const failures: unknown[] = []
  for (const step of undo.splice(0).reverse())
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  if (failures.length > 0) throw failures[0]
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
