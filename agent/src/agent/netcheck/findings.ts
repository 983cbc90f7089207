/** What measured facts mean for a mesh, in words: pure, table-tested. */
import { partsOf } from '../../transport/index.ts'
import { fastest } from './check-network.ts'
import type { Measured, NetworkFacts, UdpFacts } from './network-facts.ts'

export interface NetworkFinding {
  topic: 'control plane' | 'relays' | 'NAT' | 'UDP' | 'TCP' | 'port 443' | 'proxy' | 'addresses'
  /** `bad`: something does not work; `note`: it works with limits. */
  level: 'good' | 'note' | 'bad'
  /** The observation. */
  says: string
  /** Its consequence, and what to do. */
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

const answer = (measured: Measured): string =>
  measured.ok ? `answers in ${Math.round(measured.ms)} ms` : `is unreachable: ${measured.error}`

function controlPlaneFinding({ controlPlane }: NetworkFacts): NetworkFinding[] {
  if (controlPlane === undefined) return []
  const means = controlPlane.ok
    ? 'This machine can join the mesh and receives changes.'
    : 'New members cannot join from here; enrolled members work without it. Check the URL, the firewall and the proxy.'
  const level = controlPlane.ok ? 'good' : 'bad'
  return [{ topic: 'control plane', level, says: `${controlPlane.url} ${answer(controlPlane)}`, means }]
}

function relaysFinding({ relays, controlPlane }: NetworkFacts): NetworkFinding {
  const reached = relays.filter(relay => fastest(relay) < Infinity)
  const [nearest] = reached
  if (relays.length === 0 && controlPlane?.ok === false)
    return {
      topic: 'relays',
      level: 'note',
      says: 'unknown: the control plane, which lists them, is unreachable',
      means: 'A machine that was in the mesh before has its own list of relays.',
    }
  if (relays.length === 0)
    return {
      topic: 'relays',
      level: 'note',
      says: 'no relay is known',
      means:
        'Members connect only where they reach each other directly. Run a relay: agent-mesh relay --join TOKEN.',
    }
  if (nearest === undefined)
    return {
      topic: 'relays',
      level: 'bad',
      says: `none of ${relays.length} is reachable`,
      means:
        'Members behind a NAT cannot reach this machine. Allow it to reach the addresses below, or set a proxy (--proxy).',
    }
  return {
    topic: 'relays',
    level: reached.length === relays.length ? 'good' : 'note',
    says: `${reached.length} of ${relays.length} reachable, nearest ${nearest.name} in ${Math.round(fastest(nearest))} ms`,
    means: 'Every member can reach this machine, directly or through a relay.',
  }
}

const punchingUnknown = 'It is unknown whether direct paths can be punched; TCP is tried in any case.'

const natWords: Record<UdpFacts['mapping'], Omit<NetworkFinding, 'topic'>> = {
  open: {
    level: 'good',
    says: 'none: other machines see an address of this machine',
    means: 'Other machines connect directly unless a firewall blocks them.',
  },
  cone: {
    level: 'good',
    says: 'cone or less strict: one mapping for all destinations',
    means: 'Direct paths can be punched to all NATs except symmetric ones.',
  },
  symmetric: {
    level: 'note',
    says: 'symmetric: a different port for each destination',
    means:
      'Direct paths reach only machines with a public address or a full-cone NAT; all others need a relay.',
  },
  'one-server': {
    level: 'note',
    says: 'present, of unknown kind: only one STUN server answered',
    means: 'A second relay, or a second STUN port, would show the kind.',
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
      says: 'unknown: no relay lists a STUN server',
      means: 'Relays answer STUN by default: see agent-mesh relay --help.',
    }
  return {
    topic: 'UDP',
    level: answered > 0 ? 'good' : 'note',
    says:
      answered > 0
        ? `works (${answered} of ${asked} STUN servers answered)`
        : `blocked (none of ${asked} STUN servers answered)`,
    means:
      answered > 0
        ? 'WebRTC can be used.'
        : 'Direct paths can be punched by TCP only; WebRTC cannot be used.',
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
      says: 'unknown: nothing in this mesh listens on it',
      means:
        'Networks that allow only this port need a relay on it: agent-mesh relay --listen /ip4/0.0.0.0/tcp/443/ws.',
    }
  const ok = all.some(measured => measured.ok)
  return {
    topic,
    level: ok ? 'good' : 'bad',
    says: ok ? 'reachable' : 'unreachable',
    means: ok
      ? 'This machine stays in the mesh on networks that allow only this port.'
      : 'Even web traffic is blocked here: check the firewall, or set a proxy (--proxy, HTTPS_PROXY).',
  }
}

function proxyFinding({ proxy, relays, controlPlane }: NetworkFacts): NetworkFinding[] {
  if (proxy === undefined) return []
  const webs = relays.flatMap(({ addrs }) => addrs).filter(({ addr }) => partsOf(addr)?.over !== 'tcp')
  const works = [...webs, ...(controlPlane === undefined ? [] : [controlPlane])].some(({ ok }) => ok)
  const means = !works
    ? 'Nothing is reachable through it; the reasons are below.'
    : webs.length === 0
      ? 'It works for the control plane; relays must also listen on a WebSocket (…/tcp/443/ws).'
      : 'The control plane and relays on WebSockets are reachable through it.'
  return [{ topic: 'proxy', level: works ? 'good' : 'bad', says: `${proxy} is used`, means }]
}

function addressesFinding({ addresses, ip4, ip6 }: NetworkFacts): NetworkFinding {
  const families = [ip4 ? 'IPv4' : '', ip6 ? 'IPv6' : ''].filter(family => family !== '').join(' and ')
  if (addresses.length === 0)
    return {
      topic: 'addresses',
      level: 'bad',
      says: 'this machine has no network',
      means: 'Only agents on this machine can reach each other.',
    }
  return {
    topic: 'addresses',
    level: 'good',
    says: `${families}: ${addresses.join(', ')}`,
    means: 'Members on the same network connect directly and find each other by mDNS.',
  }
}
