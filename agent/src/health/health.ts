/** Health of a process in one place: its checks, what it did to recover, and the one timer of both. */
import { Recovery } from '@agent-mesh/protocol/recovery'
import { systemWheelClock, type WheelClock } from '../core/timer-wheel.ts'
import type { Logger } from '../observe/logger.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import { HealthBeat } from './beat.ts'
import { HealthChecks } from './health-checks.ts'
import { LoopWatch } from './loop-watch.ts'
import { MemoryWatch, type MemoryUse } from './memory-watch.ts'

export interface HealthInit {
  readonly log: Logger
  readonly metrics: Pick<MemberMetrics, 'counter' | 'gauges'>
  /** Unix ms. */
  readonly now: () => number
  /** @default the clock of the machine */
  readonly clock?: WheelClock
  /** @default that of this process */
  readonly memory?: () => MemoryUse
  /** As {@link MemoryWatchInit.shedAbove}. */
  readonly shedAbove?: number | false
}

const levels = { passing: 0, warning: 1, failing: 2, unknown: 3 } as const

export class Health {
  readonly beat: HealthBeat
  readonly checks: HealthChecks
  readonly recovery: Recovery
  readonly memory: MemoryWatch
  readonly loop: LoopWatch

  constructor({ log, metrics, now, clock = systemWheelClock, memory, shedAbove }: HealthInit) {
    this.beat = new HealthBeat(clock, err =>
      log.error({ event: 'health-look-failed', err }, 'a look at the health failed'),
    )
    const { beat } = this
    this.checks = new HealthChecks({ beat, log })
    const recovery = (this.recovery = new Recovery({ log, now }))
    metrics.counter(
      'agent_mesh_recoveries_total',
      'What this process did to recover without help, by the part that acted',
      'supervisor',
      () => recovery.counts(),
    )
    this.memory = new MemoryWatch({
      ...{ beat, recovery },
      ...(memory !== undefined && { use: memory }),
      ...(shedAbove !== undefined && { shedAbove }),
    })
    this.loop = new LoopWatch({ beat, recovery })
    this.checks.builtIn('loop', this.loop.check)
    this.checks.builtIn('memory', this.memory.check)
    metrics.gauges(
      'agent_mesh_check_status',
      'Level of each health check: 0 passing, 1 warning, 2 failing, 3 not run yet',
      'check',
      () => this.checks.reports().map(({ name, level }) => [name, levels[level]] as const),
    )
  }

  start(): void {
    this.beat.start()
    this.checks.start()
  }

  /** The timer first: nothing new begins. */
  async stop(): Promise<void> {
    this.beat.stop()
    this.memory.stop()
    this.loop.stop()
    await this.checks.stop()
  }
}
