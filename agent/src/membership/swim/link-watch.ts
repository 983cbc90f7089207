/** One watched member: when it is probed, whether it owes an answer, and who asked after it. */
import type { Accusation } from './accusation.ts'
import type { Dated } from './deadlines.ts'
import type { Suspicion } from './effects.ts'
import type { Pace } from './scope.ts'

/**
 * `rest`: the next probe is due. `asked`: a probe has no answer yet. `suspect`: it is overdue, others were asked. `last`: the last
 * question before the verdict is out.
 */
export type WatchPhase = 'rest' | 'asked' | 'suspect' | 'last'

export class LinkWatch implements Dated {
  readonly peer: string
  /** undefined: it is watched for others alone, until their question is answered. */
  pace: Pace | undefined
  phase: WatchPhase = 'rest'
  /** When the probe was sent that is not answered, or the last one that was; ms. */
  askedAt = -Infinity
  accusation: Accusation | undefined
  /** Members that asked after it and wait for a word. */
  readonly askers = new Set<string>()
  /** Another member said that it closed its links. */
  isSaidClosed = false
  /** How often its deadline was put off as the own loop was late (a count). */
  putOff = 0
  due = Infinity
  queuedAt = Infinity

  constructor(peer: string, pace: Pace | undefined) {
    this.peer = peer
    this.pace = pace
  }

  /** No question about it is open, and no member waits for an answer. */
  rest(): void {
    this.phase = 'rest'
    this.putOff = 0
    this.askers.clear()
    this.isSaidClosed = false
  }

  get suspicion(): Suspicion | undefined {
    if (this.accusation === undefined) return undefined
    return this.accusation.closed || this.isSaidClosed ? 'closed' : 'silent'
  }
}
