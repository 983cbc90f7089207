/**
 * What agents and relays have in common: identity, enrolment, head, map, credential, record and the transport that admits members
 * alone. {@link openMember} builds it, the kind of member adds its hooks, {@link Member.start} starts it in order, and `stop` ends
 * it in the reverse one.
 */
import { networkInterfaces } from 'node:os'
import { limits, meshVersions, type Hello } from '@agent-mesh/protocol'
import { OwnRecord } from '../discovery/own-record.ts'
import { RecordPublisher } from '../discovery/record-publisher.ts'
import { ClockWatch } from '../observe/clock-watch.ts'
import type { ExpiredLinks } from '../paths/expired-links.ts'
import { KnownAddresses } from '../paths/known-addresses.ts'
import { Clones, newBoot } from './clones.ts'
import { followNetwork } from './follow-network.ts'
import { followOwnRecord } from './follow-own-record.ts'
import { listedAddresses } from './listed-addresses.ts'
import { memberHealth } from './member-health.ts'
import { openKnowledge, type Knowledge, type Undo } from './member-knowledge.ts'
import type { Member, MemberInit } from './member-parts.ts'
import { buildTransport, buildWatches } from './member-transport.ts'
import { throwIfCancelled } from './options.ts'
import { pathReport } from './path-report.ts'
import { RevokedMembers } from './revocations.ts'
import { RoundTrips } from './round-trips.ts'
import { serveHost, serving } from './serving.ts'

export type { Member, MemberInit } from './member-parts.ts'

/** Enrols if need be, and builds the parts. @throws MeshError what joining and the data folder may throw */
export async function openMember(init: MemberInit): Promise<Member> {
  const undo: Undo = []
  try {
    const known = await openKnowledge(init, undo)
    throwIfCancelled(init.signal)
    return await buildMember(init, known, undo)
  } catch (error) {
    await unwind(undo).catch((err: unknown) =>
      init.log.error({ event: 'start-not-undone', err }, 'a failed start was not undone'),
    )
    throw error
  }
}

async function buildMember(init: MemberInit, known: Knowledge, undo: Undo): Promise<Member> {
  const { identity, map, store, client, credential, clock, log } = known
  const { settings, role, tracing, shed, alsoListed = () => [] } = init
  const onError = (err: unknown) => log.error({ event: 'listener-failed', err }, 'a listener failed')
  const name = () => credential.claims.name
  const served = serving({ ...known, role, preset: settings.preset, tracing, shed, name, onError })
  const own = ownRecord(init, known)
  const transport = await buildTransport({ ...known, init, serving: served, hello: helloOf(credential, own) })
  const { links, history } = transport
  const addresses = new KnownAddresses({ history, store, log })
  undo.push(() => addresses.stop())
  const pathTo = (to: string) => pathReport({ identity, map, transport, serving: served }, to)
  serveHost(served, { diskPath: settings.data, pathTo })
  const { revocations, clones } = buildGuards(known, served, links)
  // One that fails to listen at one address may listen at another.
  undo.push(
    () => clones.stop(),
    () => transport.stop(),
  )
  const watches = buildWatches({ ...known, transport, serving: served, role })
  const { expiredLinks, pathWatch, belief } = watches
  const roundTrips = new RoundTrips({ links, map })
  undo.push(
    () => expiredLinks.stop(),
    () => pathWatch.stop(),
    () => belief.stop(),
  )
  const isRevoked = (signal: AbortSignal) => revocations.confirm(signal)
  const publisher = new RecordPublisher({ own, client, clock, log, isRevoked })
  const clockWatch = new ClockWatch({ clock, onError })
  const network = followNetwork({ transport, publisher, pathWatch, alsoListed, log })
  const { health, stop: stopHealth } = memberHealth(
    { ...known, transport, serving: served, revocations, clockWatch },
    { data: settings.data, shed },
  )
  undo.push(stopHealth)
  const parts = {
    ...watches,
    health,
    transport,
    serving: served,
    publisher,
    network,
    roundTrips,
    clockWatch,
    revocations,
    clones,
  }
  undo.push(() => publisher.stop(), followOwnRecord({ ...known, ...parts }))
  undo.push(
    () => network.stop(),
    () => clockWatch.stop(),
  )
  const start = async (signal?: AbortSignal) => {
    throwIfCancelled(signal)
    addresses.start()
    await startMember(parts, alsoListed)
  }
  const { drain: drainMs, ephemeral, preset } = settings
  return { ...known, ...parts, drainMs, ephemeral, preset, start, stop: once(() => unwind(undo)) }
}

/** What ends links that must not be: those of revoked members, and of copies of a member. */
function buildGuards(
  known: Knowledge,
  { sessions }: Pick<Member['serving'], 'sessions'>,
  links: Member['transport']['links'],
): Pick<Member, 'revocations' | 'clones'> {
  const { identity, credential, metrics, audit, map, log, pace } = known
  const self = { peerId: identity.peerId, serial: () => credential.claims.serial }
  const revocations = new RevokedMembers({ ...known, self, links, sessions })
  revocations.onOwn(() => pace.ended())
  metrics.observeRevocations(revocations)
  audit.follow({ credential, revocations, map })
  const count = () => metrics.clonedKey()
  const clones = new Clones({ links, ping: link => sessions.of(link).ping(), audit, count, log })
  return { revocations, clones }
}

/** First what makes the member reachable, then what publishes it, last what only watches. */
async function startMember(
  parts: Pick<
    Member,
    'transport' | 'serving' | 'pathWatch' | 'publisher' | 'network' | 'clockWatch' | 'revocations' | 'health'
  > & { expiredLinks: ExpiredLinks },
  alsoListed: (addrs: readonly string[]) => string[],
): Promise<void> {
  const { transport, expiredLinks, pathWatch, publisher, serving, network, clockWatch, revocations } = parts
  const { health } = parts
  await transport.start()
  expiredLinks.start()
  pathWatch.start()
  const listed = listedAddresses(transport.addresses(), networkInterfaces())
  const addrs = [...listed, ...alsoListed(listed)].slice(0, limits.addrs)
  await publisher.start({ addrs, services: serving.registry.refs })
  network.start()
  clockWatch.start()
  revocations.start()
  health.start()
}

/** What this member says of itself; nothing of its addresses yet. */
function ownRecord(
  { settings: { region, zone } }: MemberInit,
  { identity, store, clock, credential }: Knowledge,
): OwnRecord {
  const placed = { ...(region === undefined ? {} : { region }), ...(zone === undefined ? {} : { zone }) }
  const { serial } = credential.claims
  const fields = { addrs: [], homeRelays: [], services: [], ...placed }
  return new OwnRecord({ signer: identity.signer, store, clock, serial, fields })
}

/** What this member shows on each connection: its current documents. */
function helloOf(credential: Pick<Member['credential'], 'jwt'>, own: Pick<OwnRecord, 'signed'>): () => Hello {
  const boot = newBoot()
  return () => ({
    versions: [...meshVersions],
    credential: credential.jwt,
    record: own.signed?.jws,
    boot,
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
