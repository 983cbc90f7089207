/** What measured facts mean for a mesh, in words: pure, table-tested. */
import { partsOf } from '../../transport/index.ts'
import { fastest } from './check-network.ts'
import type { Measured, NetworkFacts, UdpFacts } from './network-facts.ts'

export interface NetworkFinding {
  topic: 'control plane' | 'relays' | 'NAT' | 'UDP' | 'TCP' | 'port 443' | 'proxy' | 'addresses'
  /** `bad`: something does not work; `note`: it works with limits. */
  level: 'good' | 'note' | 'bad'
  /** What is so. */
  says: string
  /** What follows, and what to do about it. */
  means: string
}

export function findingsOf(facts: NetworkFacts): NetworkFinding[] {
  return [
    ...controlPlaneFinding(facts),
    relaysFinding(facts),
    natFinding(facts),
    ...tcpFinding(facts),
    udpFinding(facts),
    port443Finding(facts),
    ...proxyFinding(facts),
    addressesFinding(facts),
  ]
}

const told = (measured: Measured): string =>
  measured.ok ? `answers in ${Math.round(measured.ms)} ms` : `is not reached: ${measured.error}`

function controlPlaneFinding({ controlPlane }: NetworkFacts): NetworkFinding[] {
  if (controlPlane === undefined) return []
  const means = controlPlane.ok
    ? 'This machine can join and hears of changes.'
    : 'No machine can join from here; enrolled members work without it. Check the URL, the firewall and the proxy.'
  const level = controlPlane.ok ? 'good' : 'bad'
  return [{ topic: 'control plane', level, says: `${controlPlane.url} ${told(controlPlane)}`, means }]
}

function relaysFinding({ relays, controlPlane }: NetworkFacts): NetworkFinding {
  const reached = relays.filter(relay => fastest(relay) < Infinity)
  const [nearest] = reached
  if (relays.length === 0 && controlPlane?.ok === false)
    return {
      topic: 'relays',
      level: 'note',
      says: 'not known: the control plane, which lists them, is not reached',
      means: 'A machine that was in the mesh before knows them by itself.',
    }
  if (relays.length === 0)
    return {
      topic: 'relays',
      level: 'note',
      says: 'no relay is known',
      means:
        'Only members that reach each other directly are connected. Run one: agent-mesh relay --join TOKEN.',
    }
  if (nearest === undefined)
    return {
      topic: 'relays',
      level: 'bad',
      says: `none of ${relays.length} is reached`,
      means:
        'Members behind a NAT cannot reach this machine. Allow it to reach the addresses below, or name a proxy (--proxy).',
    }
  return {
    topic: 'relays',
    level: reached.length === relays.length ? 'good' : 'note',
    says: `${reached.length} of ${relays.length} reached, nearest ${nearest.name} in ${Math.round(fastest(nearest))} ms`,
    means: 'Every member reaches this machine, over a relay at least.',
  }
}

const punchingUnknown = 'Whether direct paths can be punched is not known; TCP is tried all the same.'

const natWords: Record<UdpFacts['mapping'], Omit<NetworkFinding, 'topic'>> = {
  open: {
    level: 'good',
    says: 'none: this machine has the address that others see',
    means: 'Others connect directly, if no firewall is in the way.',
  },
  cone: {
    level: 'good',
    says: 'cone or easier: one mapping for all destinations',
    means: 'Direct paths are punched to all but symmetric NATs.',
  },
  symmetric: {
    level: 'note',
    says: 'symmetric: another port for each destination',
    means: 'Direct paths only to machines with a public address or a full-cone NAT; to others a relay stays.',
  },
  'one-server': {
    level: 'note',
    says: 'there is one; a single STUN server answered, which does not tell its kind',
    means: 'A second relay, or a second STUN port, would show it.',
  },
  blocked: { level: 'note', says: 'unknown: no STUN server answered', means: punchingUnknown },
  unknown: { level: 'note', says: 'unknown: no STUN server is known', means: punchingUnknown },
}

function natFinding({ udp4, udp6 }: NetworkFacts): NetworkFinding {
  const facts = udp4.answered > 0 || udp6.answered === 0 ? udp4 : udp6
  const words = natWords[facts.mapping]
  const seen = facts.mapped === undefined ? '' : ` (seen at ${facts.mapped})`
  return { topic: 'NAT', ...words, says: `${words.says}${seen}` }
}

function tcpFinding({ tcp }: NetworkFacts): NetworkFinding[] {
  if (tcp === undefined || tcp.mapping === 'unknown') return []
  const stable = tcp.mapping === 'stable'
  return [
    {
      topic: 'TCP',
      level: stable ? 'good' : 'note',
      says: stable ? `relays see one address: ${tcp.addrs.join(', ')}` : 'relays see different ports',
      means: stable ? 'TCP can be punched.' : 'TCP cannot be punched from here; WebRTC may work.',
    },
  ]
}

function udpFinding({ udp4, udp6 }: NetworkFacts): NetworkFinding {
  const asked = udp4.asked + udp6.asked
  const answered = udp4.answered + udp6.answered
  if (asked === 0)
    return {
      topic: 'UDP',
      level: 'note',
      says: 'not known: no relay lists a STUN server',
      means: 'Relays answer STUN unless told otherwise: see agent-mesh relay --help.',
    }
  return {
    topic: 'UDP',
    level: answered > 0 ? 'good' : 'note',
    says:
      answered > 0 ? `passes (${answered} of ${asked} answered)` : `is blocked (none of ${asked} answered)`,
    means:
      answered > 0 ? 'WebRTC can be used.' : 'Direct paths are punched by TCP alone; WebRTC cannot be used.',
  }
}

function port443Finding({ relays, controlPlane }: NetworkFacts): NetworkFinding {
  const topic = 'port 443'
  const tried = relays.flatMap(({ addrs }) => addrs).filter(({ addr }) => partsOf(addr)?.port === 443)
  const web =
    controlPlane?.url.startsWith('https:') === true && !/:\d+(?:\/|$)/.test(controlPlane.url.slice(6))
  const all: Measured[] = [...tried, ...(web ? [controlPlane] : [])]
  if (all.length === 0)
    return {
      topic,
      level: 'note',
      says: 'not known: nothing of this mesh listens there',
      means:
        'Networks that let nothing else out need a relay on it: agent-mesh relay --listen /ip4/0.0.0.0/tcp/443/ws.',
    }
  const ok = all.some(measured => measured.ok)
  return {
    topic,
    level: ok ? 'good' : 'bad',
    says: ok ? 'is reached' : 'is not reached',
    means: ok
      ? 'This machine stays in the mesh where nothing else is let out.'
      : 'Not even the web gets out from here: check the firewall, or name a proxy (--proxy, HTTPS_PROXY).',
  }
}

function proxyFinding({ proxy, relays, controlPlane }: NetworkFacts): NetworkFinding[] {
  if (proxy === undefined) return []
  const webs = relays.flatMap(({ addrs }) => addrs).filter(({ addr }) => partsOf(addr)?.over !== 'tcp')
  const works = [...webs, ...(controlPlane === undefined ? [] : [controlPlane])].some(({ ok }) => ok)
  const means = !works
    ? 'Nothing is reached through it; the reasons are below.'
    : webs.length === 0
      ? 'It serves the control plane; for relays, one must listen on a WebSocket (…/tcp/443/ws).'
      : 'Control plane and relays on WebSockets are reached through it.'
  return [{ topic: 'proxy', level: works ? 'good' : 'bad', says: `${proxy} is used`, means }]
}

function addressesFinding({ addresses, ip4, ip6 }: NetworkFacts): NetworkFinding {
  const families = [ip4 ? 'IPv4' : '', ip6 ? 'IPv6' : ''].filter(family => family !== '').join(' and ')
  if (addresses.length === 0)
    return {
      topic: 'addresses',
      level: 'bad',
      says: 'this machine has no network',
      means: 'Only agents on this machine reach each other.',
    }
  return {
    topic: 'addresses',
    level: 'good',
    says: `${families}: ${addresses.join(', ')}`,
    means: 'Members on the same network connect directly, and find each other by mDNS.',
  }
}
