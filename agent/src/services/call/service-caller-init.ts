import type { StartTimer } from '@agent-mesh/protocol/timers'
import type { Tracing } from '../../observe/tracing.ts'
import type { RpcMetrics } from '../../rpc/index.ts'
import type { Balancer } from '../balance/balancer.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import type { CallCache } from '../cache/call-cache.ts'
import type { Contracts } from '../contract/typed.ts'
import type { Hedging } from './hedging.ts'

export interface ServiceCallerInit<C extends Contracts> {
  readonly targets: CallTargets
  /** Own peer id: it answers what middleware answers by itself. @default '' */
  readonly self?: string
  /** Known contracts: their calls are checked, typed and aimed at the right version. @default none */
  readonly contracts?: C
  /** Answers of methods whose contract allows to keep them. @default none are kept */
  readonly cache?: CallCache | undefined
  readonly metrics?: RpcMetrics
  /** @default none */
  readonly tracing?: Tracing | undefined
  /** Which provider a call asks. @default power of two choices, with breakers */
  readonly balancer?: Balancer | undefined
  /** When a call is sent twice. @default for 5 % of the calls that ask for it */
  readonly hedging?: Hedging | undefined
  /** Monotonic ms. */
  readonly now: () => number
  /** When the answer that is being handled arrived, or later: saves a reading of the clock. @default `now` */
  readonly lately?: () => number
  /** [0, 1). */
  readonly random: () => number
  /** Pauses between tries, limits of middleware; on the clock of `now`. @default of the process */
  readonly startTimer?: StartTimer | undefined
}
