/** What the relays of a mesh cost a month: machines, and the bytes that they send to agents. */
import relayPrices from './relay-prices.json' with { type: 'json' }
import { fleetOf } from './usage.ts'
import { monthMinutes, workload, type Workload } from './workload.ts'

export type ServerKind = keyof typeof relayPrices.servers

export interface RelayBill {
  readonly relays: number
  /** Bytes that relays send in a month, GB: links at rest, changes of the map, presence. Without what agents send to each other. */
  readonly egress_gb: Readonly<Record<'rest' | 'map' | 'presence', number>>
  /** US dollars a month by kind of server. */
  readonly usd: Readonly<Record<ServerKind, { machines: number; traffic: number; total: number }>>
  readonly prices_checked: string
}

const bytesPerGb = 1e9

/** Agents that learn of a change: design 5f, all in a mesh up to `wholeMapMembers`, above it those with the same home. */
const interested = (agents: number, w: Workload): number =>
  agents <= w.wholeMapMembers ? agents : w.agentsPerRelay

/** @param changes of the workload, to see what a parameter is worth */
export function relayBill(agents: number, changes: Partial<Workload> = {}): RelayBill {
  const w: Workload = { ...workload, ...changes }
  const { relays } = fleetOf(agents, w)
  const homed = Math.min(agents, w.agentsPerRelay)
  const egress = {
    rest: gigabytes(agents * w.restBytesPerMinute * monthMinutes),
    map: gigabytes(agents * w.starts * interested(agents, w) * w.pairBytes),
    presence: gigabytes(agents * w.presenceChanges * homed * w.presenceBytes),
  }
  const sent = egress.rest + egress.map + egress.presence
  const kinds = Object.keys(relayPrices.servers) as ServerKind[]
  return {
    relays,
    egress_gb: egress,
    usd: Object.fromEntries(kinds.map(kind => [kind, dollars(kind, relays, sent)])) as RelayBill['usd'],
    prices_checked: relayPrices.checked,
  }
}

function dollars(kind: ServerKind, relays: number, sentGb: number) {
  const { parts, includedGb, usdPerGb } = relayPrices.servers[kind]
  const machines = relays * parts.reduce((sum, { usd }) => sum + usd, 0)
  const traffic = Math.max(0, sentGb - relays * includedGb) * usdPerGb
  return { machines: cents(machines), traffic: cents(traffic), total: cents(machines + traffic) }
}

const gigabytes = (bytes: number): number => Math.round(bytes / bytesPerGb)
const cents = (usd: number): number => Math.round(usd * 100) / 100
