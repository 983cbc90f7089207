/** The monthly bill of a control plane on AWS, from counted units and a dated price table. */
import prices from './prices.json' with { type: 'json' }
import { fleetOf, heartbeatUsage, usageOf, type Use } from './usage.ts'
import { workload, type Workload } from './workload.ts'

export interface Bill {
  readonly agents: number
  readonly relays: number
  /** US dollars a month, without machines of relays, free tiers and taxes. */
  readonly total_usd: number
  /** The same mesh with a heartbeat of every agent in place of the leases. */
  readonly naive_usd: number
  /** By what causes them. */
  readonly parts: Record<string, number>
  /** The same dollars by the price they are paid at. */
  readonly prices: Record<string, number>
  /** With what is built today: every relay follows the whole map, and each change is a push to each of them. */
  readonly as_built_usd: number
  readonly region: string
  readonly prices_checked: string
}

/** What is designed for more than `wholeMapMembers` and not built yet: docs/adr/0005-counted-units.md. */
const asBuilt: Partial<Workload> = { wholeMapMembers: Infinity }

/** @param changes of the workload, to see what a parameter is worth */
export function monthlyBill(agents: number, changes: Partial<Workload> = {}): Bill {
  const w: Workload = { ...workload, ...changes }
  const uses = usageOf(agents, w)
  const leases = (use: Use): boolean => use.part === 'reports' || use.part === 'presence'
  const naive = [...uses.filter(use => !leases(use)), ...heartbeatUsage(agents, w)]
  return {
    agents,
    relays: fleetOf(agents, w).relays,
    total_usd: round(sum(uses)),
    naive_usd: round(sum(naive)),
    parts: grouped(uses, ({ part }) => part),
    prices: grouped(uses, ({ price }) => price),
    as_built_usd: round(sum(usageOf(agents, { ...w, ...asBuilt }))),
    region: prices.region,
    prices_checked: prices.checked,
  }
}

const dollars = ({ price, quantity }: Use): number => {
  const { usd, per } = prices.prices[price]
  return (quantity / per) * usd
}

const sum = (uses: readonly Use[]): number => uses.reduce((total, use) => total + dollars(use), 0)

function grouped(uses: readonly Use[], by: (use: Use) => string): Record<string, number> {
  const groups = Object.groupBy(uses, by)
  return Object.fromEntries(
    Object.entries(groups)
      .map(([name, group = []]) => [name, round(sum(group))] as const)
      .filter(([, usd]) => usd > 0)
      .sort(([, a], [, b]) => b - a),
  )
}

const round = (usd: number): number => Math.round(usd * 100) / 100
