/**
 * A member is reached before its program has said what it serves: from the first link until `createAgent` has resolved. What a member
 * called of it in its life before is served again in a moment.
 */
export class Opening {
  readonly #opened = Promise.withResolvers<void>()
  #isOpen = false

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Resolves with {@link open}; never rejects. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  /** From now on what is not served is not served. Idempotent. */
  open(): void {
    this.#isOpen = true
    this.#opened.resolve()
  }
}
