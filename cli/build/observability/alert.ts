/** One alert of a mesh: the rule, its runbook, and what makes it fire. */

/** Series of a test by `promtool`: the series, and its values a minute apart in the notation of promtool (`0x10`, `0+5x20`). */
export type Series = Readonly<Record<string, string>>

/** A state of the mesh in which the alert fires, or does not. */
export interface AlertCase {
  readonly series: Series
  /** Minutes after the start at which it is looked at. */
  readonly atMinutes: number
}

export interface Alert {
  /** Its anchor in docs/alerts.md is this in lower case. */
  readonly name: string
  /** PromQL. */
  readonly expr: string
  /** How long the expression must hold: `5m`. */
  readonly for: string
  /** `page`: wake a person; `ticket`: look at it in working hours; `none`: proof that alerts arrive. */
  readonly severity: 'page' | 'ticket' | 'none'
  /** A sentence without labels. */
  readonly summary: string
  /** Runbook: why it fires, who notices it, what to look at, what to do. */
  readonly means: string
  readonly hurts: string
  readonly check: readonly string[]
  readonly act: readonly string[]
  /** Labels of the alert that fires, beside its severity. */
  readonly labels?: Readonly<Record<string, string>>
  readonly fires: AlertCase
  readonly silent: AlertCase
}
