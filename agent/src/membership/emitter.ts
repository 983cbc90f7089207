/** Listeners of one event; a listener that throws is the listener's defect and does not stop the others. */
export interface Emitter<T> {
  emit(value: T): void
  /** @returns how to stop listening */
  on(listener: (value: T) => void): () => void
}

export function emitter<T>(
  onError: (error: unknown) => void = error => queueMicrotask(() => Promise.reject(error)),
): Emitter<T> {
  const listeners = new Set<(value: T) => void>()
  return {
    emit: value => {
      for (const listener of [...listeners]) {
        try {
          listener(value)
        } catch (error) {
          onError(error)
        }
      }
    },
    on: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
