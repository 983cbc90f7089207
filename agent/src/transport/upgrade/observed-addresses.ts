/** The addresses at which relays see this member: how a NAT maps the punching port. */
import type { Mapping } from '@agent-mesh/protocol'
import { partsOf, scopeOf } from '../address.ts'
import { upgradeDefaults } from './defaults.ts'

/** One relay's word about one connection. */
export interface Observation {
  relayId: string
  /** Local port of the connection. */
  localPort: number
  /** As the relay sees it, without peer id. */
  addr: string
}

export interface Observed {
  /** The port to punch from; undefined when no relay was dialled from one. */
  localPort: number | undefined
  mapping: Mapping
  /** One address of each family, public ones first. */
  addrs: string[]
}

/** The punching port and its public addresses, from all observations, newest last. */
export function observedFrom(observations: readonly Observation[]): Observed {
  const usable = observations.filter(({ addr }) => kindOf(addr) !== undefined)
  const localPort = mostSeen(usable.map(observation => observation.localPort))
  const ofPort = usable.filter(observation => observation.localPort === localPort)
  const kinds = new Map<string, Map<string, Set<string>>>()
  for (const { addr, relayId } of ofPort) {
    const addrs = kinds.get(kindOf(addr) ?? '') ?? new Map<string, Set<string>>()
    kinds.set(kindOf(addr) ?? '', addrs.set(addr, (addrs.get(addr) ?? new Set()).add(relayId)))
  }
  const all = [...kinds.values()]
  const varies = all.some(addrs => addrs.size > 1)
  const confirmed = all.some(addrs => [...addrs.values()].some(relays => relays.size > 1))
  const order = [...kinds.keys()].sort((a, b) => rank(a) - rank(b))
  return {
    localPort,
    mapping: varies ? 'varies' : confirmed ? 'stable' : 'unknown',
    addrs: order.flatMap(kind => [...(kinds.get(kind)?.keys() ?? [])].slice(-1)),
  }
}

/** Addresses of one kind can be compared: a relay on the LAN sees another one than a relay outside. */
function kindOf(addr: string): string | undefined {
  const parts = partsOf(addr)
  if (parts?.over !== 'tcp' || parts.port < upgradeDefaults.minPunchPort) return undefined
  const scope = scopeOf(parts.host)
  return scope === 'none' ? undefined : `${scope} ${parts.kind}`
}

const rank = (kind: string): number => ['public', 'private', 'loopback'].indexOf(kind.split(' ', 1)[0] ?? '')

/** On a tie the newest. */
function mostSeen(ports: readonly number[]): number | undefined {
  const times = (port: number) => ports.filter(other => other === port).length
  return ports.reduce<number | undefined>(
    (best, port) => (best === undefined || times(port) >= times(best) ? port : best),
    undefined,
  )
}
