import type { Path } from '../../transport/index.ts'
import type { Explanation } from './explanation.ts'

/** A result and who gave it. */
export interface CallAnswer<T = unknown> {
  readonly value: T
  readonly peerId: string
  /** Over which it was asked; none when it is this member itself. */
  readonly path: Path | undefined
  /** Tries it took. */
  readonly attempts: number
  /** Why it came from there, where the call asked for that. */
  readonly explanation?: Explanation
}

export const valueOf = ({ value }: CallAnswer): unknown => value
export const asItIs = (answer: CallAnswer): CallAnswer => answer
