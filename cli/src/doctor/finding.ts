import type { Facts } from './facts.ts'

export type State = 'ok' | 'warn' | 'fail'

/** What one check has to say. */
export interface Finding {
  /** `fail`: does not work, or soon will not; `warn`: works, but needs attention. */
  state: State
  found: string
  /** What to do; for everything that is not ok. */
  advice?: string
}

/** Looks at facts, touches nothing. */
export interface Check {
  name: string
  /** Undefined where there is nothing to say, as of relays in the folder of a control plane. */
  look(facts: Facts): Finding | undefined
}

export const ok = (found: string): Finding => ({ state: 'ok', found })
export const warn = (found: string, advice: string): Finding => ({ state: 'warn', found, advice })
export const fail = (found: string, advice: string): Finding => ({ state: 'fail', found, advice })
