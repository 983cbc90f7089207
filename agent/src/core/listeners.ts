/** Callbacks on one kind of event. A callback that throws reaches `onError` and disturbs neither source nor others. */
export class Listeners<T> {
  readonly #callbacks = new Set<(value: T) => void>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** @returns a function that removes the callback */
  add(callback: (value: T) => void): () => void {
    this.#callbacks.add(callback)
    return () => this.#callbacks.delete(callback)
  }

  emit(value: T): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback(value)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
