/** What the methods that begin a call decide of it, beside its options. */
import { askForms, type callForms } from './check-options.ts'
import type { Aim } from './version-choice.ts'

export interface AskedAs {
  /** Its name in the metrics. @default the method */
  readonly counted?: string
  /** The version to ask for, where that is chosen. */
  readonly aim?: Aim | undefined
  /** The options that there are. @default those of `call` */
  readonly forms?: typeof callForms
}

export const asCall: AskedAs = {}
/** Its caller hears who answered, and why: a fallback has no such answer to give. */
export const asAsk: AskedAs = { forms: askForms }
