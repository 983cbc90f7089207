/**
 * How far this member can trust its own judgement (Lifeguard, memberlist's awareness.go): 0 is well, 7 is poor. Timeouts grow with
 * it, so that a slow member accuses late instead of accusing all others.
 */
const worst = 7
/** Refuted accusations count once in so many ms: one slow host refutes several at once. */
const refutedEveryMs = 1_000

export class LocalHealth {
  #score = 0
  #refutedAt = -Infinity

  get score(): number {
    return this.#score
  }

  /** What timeouts are multiplied by. */
  get factor(): number {
    return this.#score + 1
  }

  /** A probe was answered in time. */
  answered(): void {
    this.#add(-1)
  }

  /** None of the co-watchers that were asked answered: perhaps it is this member that is cut off. */
  unheard(): void {
    this.#add(1)
  }

  /** The own event loop was late. */
  late(): void {
    this.#add(1)
  }

  /** An own accusation was wrong. @param now ms */
  refuted(now: number): void {
    if (now - this.#refutedAt < refutedEveryMs) return
    this.#refutedAt = now
    this.#add(1)
  }

  #add(points: number): void {
    this.#score = Math.max(0, Math.min(worst, this.#score + points))
  }
}
