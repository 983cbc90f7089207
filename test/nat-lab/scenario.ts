/** A scenario: a small mesh of its own, a fault while calls run, and figures. */
import { broken, judge, type Verdict } from './judge-calls.ts'
import type { LabMesh } from './mesh.ts'
import type { Families, Topology } from './topology.ts'

/** Figures by name. */
export type Figures = Record<string, unknown>

export interface ScenarioRow extends Figures {
  scenario: string
  ok: boolean
  /** What broke a promise, one sentence each. */
  wrong?: readonly string[]
  /** Run a second time: what was wrong with the first. */
  again?: string
}

export interface Outcome {
  figures: Figures
  /** What broke a promise; empty when none. */
  wrong: readonly string[]
}

export interface ScenarioTools {
  topology: Topology
  /** Control plane and two relays; ended with the scenario, each process cleanly, or it failed. */
  startMesh(): Promise<LabMesh>
  say: (text: string) => void
}

export interface Scenario {
  /** What happens, and what must not. */
  about: string
  /** @default both */
  families?: Families
  /** Runs only where it is named: it needs programs of others, or minutes. */
  onlyNamed?: true
  run(tools: ScenarioTools): Promise<Outcome>
}

/**
 * A dead path is suspect within 3 s (the promise); then a host that lost all its paths dials a relay and a circuit, each a
 * handshake on two cores that run ten processes. Usual are 2.9 to 3.7 s, ms.
 */
export const movedWithinMs = 6_000

/** The outcome of calls alone. */
export const outcomeOf = (
  records: Parameters<typeof judge>[0],
  faultAt: number,
  { withinMs = movedWithinMs, ...figures }: Figures & { withinMs?: number } = {},
): Outcome => {
  const verdict: Verdict = judge(records, faultAt)
  return { figures: { ...verdict, ...figures }, wrong: broken(verdict, withinMs) }
}
