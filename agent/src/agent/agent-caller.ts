import type { Member } from '../member/member.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { RpcLink } from '../rpc/index.ts'
import type { CallCache } from '../services/cache/call-cache.ts'
import { ServiceCaller, type Contracts } from '../services/index.ts'
import { countedHedging, type Balancing, type ObservedBalancer } from './balancing.ts'
import type { Pipes } from './pipes.ts'
import type { LazyTopics } from '../topics/lazy-topics.ts'
import type { Reachable } from './reachable.ts'
import type { ServedPipes } from './served-pipes.ts'
import type { Targets } from './targets.ts'
import type { Tuning } from '../tuning/tuning.ts'

export interface AgentInit<C extends Contracts> {
  member: Member
  targets: Targets
  reachable: Reachable
  /** Calls to itself. */
  self: RpcLink
  /** Its ports, and pipes to it. */
  served: ServedPipes
  pipes: Pipes
  topics: LazyTopics
  balancing: Balancing
  balanced: ObservedBalancer
  /** Answers that are kept. */
  cache: CallCache | undefined
  tracing: Tracing | undefined
  tuning: Tuning
  contracts: C | undefined
}

/** Makes the calls of an agent, on the clock of its links. */
export function agentCaller<const C extends Contracts>(
  init: Pick<
    AgentInit<C>,
    'member' | 'targets' | 'balancing' | 'balanced' | 'cache' | 'tracing' | 'tuning' | 'contracts'
  >,
): ServiceCaller<C> {
  const { member, targets, balancing, balanced, cache, tracing, tuning, contracts } = init
  const { wheel, sessions } = member.serving
  const hedging = countedHedging(balancing, member.metrics, tuning.wakeFor('hedgeDelay'))
  tuning.attach({ hedging, cache, compression: sessions.compression })
  return new ServiceCaller<C>({
    targets,
    self: member.identity.peerId,
    ...(contracts === undefined ? {} : { contracts }),
    cache,
    metrics: {
      callEnded: (side, method, code, ms) => {
        member.metrics.callEnded(side, method, code, ms)
        tuning.called(ms, wheel.readAt)
      },
      callRetried: member.metrics.callRetried,
    },
    tracing,
    balancer: balanced.balancer,
    hedging,
    now: () => wheel.now(),
    lately: () => wheel.readAt,
    random: Math.random,
  })
}
