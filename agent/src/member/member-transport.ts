/** The transport of a member, wired to admission, calls, paths and revocations. */
import { admit, type Hello } from '@agent-mesh/protocol'
import { Belief } from '../membership/belief.ts'
import { Presence } from '../membership/presence.ts'
import { Verdicts } from '../membership/verdicts.ts'
import { systemWheelClock } from '../rpc/index.ts'
import type { Link } from '../transport/links/link.ts'
import { observePaths } from '../observe/path-metrics.ts'
import { createTransport } from '../transport/transport.ts'
import { memberDefaults } from './defaults.ts'
import { pathDefaults } from '../paths/defaults.ts'
import { ExpiredLinks } from '../paths/expired-links.ts'
import { PathWatch } from '../paths/path-watch.ts'
import type { Member, MemberInit } from './member-parts.ts'
import { endLinksOfRevokedKeys } from './revoked-keys.ts'

interface TransportParts extends Pick<
  Member,
  'identity' | 'head' | 'metrics' | 'audit' | 'serving' | 'clock'
> {
  init: MemberInit
  hello: () => Hello
}

/** The transport, wired to admission, calls and revocations. */
export async function buildTransport(parts: TransportParts) {
  const { init, identity, head, metrics, audit, serving, clock, hello } = parts
  const { listen, announce, proxy, certificate } = init.settings
  const transport = await createTransport({
    ...init.transport,
    identity,
    listen,
    ...(announce === undefined ? {} : { announce }),
    proxy,
    certificate,
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
    onError: error => init.log.debug({ event: 'transport-error', err: error }, 'transport'),
  })
  transport.links.onUp(link => serving.sessions.of(link))
  serving.sessions.onGoingAway(link => transport.links.leaving(link))
  endLinksOfRevokedKeys(transport.links, head)
  metrics.observeLinks(transport.links)
  const bytesOf = (link: Link) => serving.sessions.of(link).stats
  observePaths({ registry: metrics.registry, links: transport.links, bytesOf })
  return transport
}

/** What watches the links of a member, and what follows from it: which paths are silent, which members are online. */
export function buildWatches(
  member: Pick<Member, 'identity' | 'transport' | 'serving' | 'clock' | 'log'> & { role: MemberInit['role'] },
): Pick<Member, 'pathWatch' | 'presence' | 'verdicts' | 'belief'> & { expiredLinks: ExpiredLinks } {
  const { identity, transport, serving, clock, log, role } = member
  const { links } = transport
  const { sessions } = serving
  const onError = (err: unknown) =>
    log.error({ event: 'listener-failed', err }, 'a listener of who is online failed')
  const rpcOf = (link: Link) => sessions.of(link)
  // The agents of a relay move one by one: the silence of one says nothing about the others.
  const pathWatch = new PathWatch({ links, rpcOf, jointly: role === 'agent', clock: systemWheelClock })
  const presence = new Presence(onError)
  const verdicts = new Verdicts(() => systemWheelClock.now(), onError)
  const belief = new Belief({
    self: identity.peerId,
    links,
    presence,
    verdicts,
    heardAt: link => rpcOf(link).stats.lastHeardAt,
    ask: link => pathWatch.ask(link),
    now: () => systemWheelClock.now(),
    onError,
  })
  const retire = (link: Link) =>
    sessions.retire(link, pathDefaults.expiredDrainMs).finally(() => link.close())
  const expiredLinks = new ExpiredLinks({ links, clock, retire })
  return { pathWatch, presence, verdicts, belief, expiredLinks }
}
