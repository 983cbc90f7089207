/** The invariants of a run, each a pure function over its history: what went against it, in words. */
import type { History } from '../history.ts'
import { WorldLog } from '../world-log.ts'
import { revokedAreRefused, tokensAreCounted } from './admission.ts'
import { callsEnd, callsRunOnce, reachableCallsSucceed, rollingLosesNone } from './calls.ts'
import { allAgree, deathsAreTrue, nothingResurrects, presenceIsTrue } from './membership.ts'
import { resourcesReturn, warningsAreRight } from './resources.ts'

export type Invariant = (history: History, log: WorldLog) => string[]

export const invariants = {
  C1: callsEnd,
  C2: callsRunOnce,
  C3: reachableCallsSucceed,
  C4: deathsAreTrue,
  C5: nothingResurrects,
  C6: allAgree,
  C7: revokedAreRefused,
  C8: tokensAreCounted,
  C9: presenceIsTrue,
  C10: resourcesReturn,
  C11: rollingLosesNone,
  C12: warningsAreRight,
} as const satisfies Record<string, Invariant>

export type InvariantName = keyof typeof invariants
export const invariantNames = Object.keys(invariants) as InvariantName[]

/** @returns for each invariant what broke it; empty: nothing */
export function judge(history: History): Record<InvariantName, string[]> {
  const log = new WorldLog(history)
  return Object.fromEntries(invariantNames.map(name => [name, invariants[name](history, log)])) as Record<
    InvariantName,
    string[]
  >
}
