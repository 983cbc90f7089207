import type { Facts } from './facts.ts'

export type State = 'ok' | 'warn' | 'fail'

/** The finding of one check. */
export interface Finding {
  /** `fail`: does not work, or soon will not; `warn`: works, but needs attention. */
  state: State
  found: string
  /** The advice; for every state but ok. */
  advice?: string
}

/** Reads facts, changes nothing. */
export interface Check {
  name: string
  /** Undefined where it does not apply, as of relays in the folder of a control plane. */
  look(facts: Facts): Finding | undefined
}

export const ok = (found: string): Finding => ({ state: 'ok', found })
export const warn = (found: string, advice: string): Finding => ({ state: 'warn', found, advice })
export const fail = (found: string, advice: string): Finding => ({ state: 'fail', found, advice })
