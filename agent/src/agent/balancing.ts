/** How the calls of an agent are balanced and guarded: its options, checked once, and what counts it. */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { RoundTrips } from '../member/round-trips.ts'
import type { Logger } from '../observe/logger.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import {
  Balancer,
  balancePolicies,
  Hedging,
  resilienceOf,
  type BalancePolicy,
  type BreakerChange,
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

/** The balancer of an agent, its metrics and what listens to its breakers. */
export interface ObservedBalancer {
  readonly balancer: Balancer
  readonly breakers: Pick<Listeners<BreakerChange>, 'add'>
}

export function observedBalancer(
  balancing: Balancing,
  {
    metrics,
    log,
    roundTrips,
  }: { metrics: MemberMetrics; log: Pick<Logger, 'info' | 'error'>; roundTrips: Pick<RoundTrips, 'to'> },
): ObservedBalancer {
  const ejections = new Map<string, number>()
  const breakers = new Listeners<BreakerChange>(err =>
    log.error({ event: 'listener-failed', err }, 'a listener of breakers failed'),
  )
  const onBreaker = (change: BreakerChange) => {
    const { reason, state } = change
    if (reason !== undefined) ejections.set(reason, (ejections.get(reason) ?? 0) + 1)
    if (reason !== undefined) log.info({ ...change, event: 'provider-ejected' }, 'a provider is ejected')
    if (state === 'closed') log.info({ ...change, event: 'provider-restored' }, 'a provider is asked again')
    breakers.emit(change)
  }
  const balancer = new Balancer({
    ...balancing,
    estimatedRttMs: peerId => roundTrips.to(peerId),
    random: Math.random,
    onBreaker,
  })
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
  return { balancer, breakers }
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
