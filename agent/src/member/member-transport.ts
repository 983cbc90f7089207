/** The transport of a member, wired to admission, calls, paths and revocations. */
import { admit, MeshError, type Hello, type VerifiedHead } from '@agent-mesh/protocol'
import { signedByRevoked } from '../discovery/credential-keeper.ts'
import { Belief } from '../membership/belief.ts'
import { Presence } from '../membership/presence.ts'
import type { Clock } from '../observe/clock.ts'
import { systemWheelClock } from '../rpc/index.ts'
import type { Link } from '../transport/links/link.ts'
import { observePaths } from '../observe/path-metrics.ts'
import { createTransport, type Transport } from '../transport/transport.ts'
import { memberDefaults } from './defaults.ts'
import { ExpiredLinks } from '../paths/expired-links.ts'
import { PathWatch } from '../paths/path-watch.ts'
import type { Undo } from './member-knowledge.ts'
import type { Serving } from './serving.ts'

import type { Member, MemberInit } from './member-parts.ts'

interface TransportParts extends Pick<
  Member,
  'identity' | 'head' | 'metrics' | 'audit' | 'serving' | 'clock'
> {
  init: MemberInit
  hello: () => Hello
}

/** The transport, wired to admission, calls and revocations; not started. */
export async function openTransport(parts: TransportParts) {
  const { init, identity, head, metrics, audit, serving, clock, hello } = parts
  const { listen, announce, proxy } = init.settings
  const transport = await createTransport({
    ...init.transport,
    identity,
    listen,
    ...(announce === undefined ? {} : { announce }),
    proxy,
    hello,
    departing: () => serving.sessions.departing,
    admit: (theirs, peerId) => admit(theirs, peerId, head.current, clock.now()),
    retire: link => serving.sessions.retire(link),
    verify: async link => void (await serving.sessions.of(link).ping(memberDefaults.verifyMs)),
    upgrades:
      init.upgrades === true
        ? { relays: () => head.current.relays, onReport: report => metrics.pathUpgraded(report) }
        : undefined,
    onRefused: (peerId, reason) => {
      metrics.refused(peerId, reason)
      audit.refused(peerId, reason)
    },
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
export function endExpired({ links }: Transport, { sessions }: Serving, clock: Clock): () => Promise<void> {
  const expired = new ExpiredLinks({
    links,
    clock,
    retire: link => sessions.retire(link).finally(() => link.close()),
  })
  expired.start()
  return () => expired.stop()
}

/** Silent links become suspect, and end. */
export function watchPaths(
  { restProbes }: MemberInit,
  { links }: Transport,
  { sessions }: Serving,
  undo: Undo,
): PathWatch {
  const pathWatch = new PathWatch({
    links,
    rpcOf: link => sessions.of(link),
    rest: restProbes ?? { paceMs: () => undefined, jointly: true },
    clock: systemWheelClock,
  })
  pathWatch.start()
  undo.push(() => pathWatch.stop())
  return pathWatch
}

/** Who is online, by the links and by what relays report. */
export function believe(
  member: Pick<Member, 'identity' | 'transport' | 'serving' | 'pathWatch' | 'log'>,
  undo: Undo,
): Pick<Member, 'presence' | 'belief'> {
  const { identity, transport, serving, pathWatch, log } = member
  const { sessions } = serving
  const onError = (err: unknown) => log.error({ err }, 'a listener of who is online failed')
  const presence = new Presence(onError)
  const belief = new Belief({
    self: identity.peerId,
    links: transport.links,
    presence,
    heardAt: link => sessions.of(link).stats.lastHeardAt,
    ask: link => pathWatch.ask(link),
    now: () => systemWheelClock.now(),
    onError,
  })
  undo.push(() => belief.stop())
  return { presence, belief }
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
