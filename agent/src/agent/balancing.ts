/** How the calls of an agent are balanced and guarded: its options, checked once, and what counts it. */
import { MeshError } from '@agent-mesh/protocol'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import {
  Balancer,
  balancePolicies,
  Hedging,
  resilienceOf,
  type BalancePolicy,
  type ResilienceOptions,
  type ResilienceSettings,
} from '../services/index.ts'

export interface Balancing {
  readonly policy: BalancePolicy
  readonly resilience: ResilienceSettings
}

/** @throws MeshError `invalid_argument` */
export function parseBalancing({
  balance = 'p2c',
  resilience,
}: {
  balance?: BalancePolicy
  resilience?: ResilienceOptions | false
}): Balancing {
  if (!balancePolicies.includes(balance))
    throw new MeshError('invalid_argument', `Cannot start: balance is ${String(balance)}`, {
      hint: `Use ${balancePolicies.join(', ')}.`,
    })
  return { policy: balance, resilience: resilienceOf(resilience) }
}

/** The balancer of an agent, and its metrics. */
export function countedBalancer(balancing: Balancing, metrics: MemberMetrics): Balancer {
  const ejections = new Map<string, number>()
  const onEjected = (reason: string) => void ejections.set(reason, (ejections.get(reason) ?? 0) + 1)
  const balancer = new Balancer({ ...balancing, random: Math.random, onEjected })
  metrics.counter(
    'agent_mesh_ejections_total',
    'Providers ejected by their breaker, by what opened it',
    'reason',
    () => ejections,
  )
  metrics.gauges(
    'agent_mesh_breakers',
    'Providers whose breaker is not closed: open, or half-open while a call finds out whether they work',
    'state',
    () => Object.entries(balancer.ejected()),
  )
  return balancer
}

/** When its calls are sent twice, and the metrics of that. @param onUsed the first call of a method asks for it */
export function countedHedging(
  { resilience }: Balancing,
  metrics: MemberMetrics,
  onUsed?: () => void,
): Hedging {
  const hedging = new Hedging(resilience.hedgeBudget, undefined, onUsed)
  metrics.counter(
    'agent_mesh_hedges_total',
    'Calls sent to a second provider as their answer took long: won or lost by the second try, or denied by the budget',
    'result',
    () => Object.entries(hedging.results),
  )
  return hedging
}
