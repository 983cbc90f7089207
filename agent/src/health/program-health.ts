/** Health as a program sees it: adds checks, and reads what all checks say. */
import type { Act } from '@agent-mesh/protocol/recovery'
import type { CheckFunction, CheckOptions } from './check-options.ts'
import type { Health } from './health.ts'
import type { CheckReport } from './health-checks.ts'

export interface HealthReport {
  /** Whether no check fails, and each ran at least once: `/ready` answers 200 then. */
  readonly ready: boolean
  readonly checks: readonly CheckReport[]
  /** What this process did to recover, the oldest first. */
  readonly acts: readonly Act[]
}

export class ProgramHealth {
  readonly #health: () => Health

  /** @param health @throws MeshError going_away after the member stopped */
  constructor(health: () => Health) {
    this.#health = health
  }

  /**
   * Adds a check, which runs by itself: it passes when it returns nothing, warns with a text, fails when it throws. While it fails the
   * process is not ready. It runs soon for the first time; that result counts at once, later ones after some in a row.
   * @returns how to remove it
   * @throws MeshError invalid_argument, conflict when there is a check of this name, overloaded above 64
   */
  check(name: string, fn: CheckFunction, options?: CheckOptions): () => void {
    return this.#health().checks.check(name, fn, options)
  }

  report(): HealthReport {
    const { checks, recovery } = this.#health()
    return { ready: checks.ready, checks: checks.reports(), acts: recovery.acts() }
  }

  /** Calls `listener` with each check whose level changes. @returns how to stop listening */
  onChange(listener: (check: CheckReport) => void): () => void {
    return this.#health().checks.onChange(listener)
  }
}
