/**
 * The kind of a change, announced after the write is committed: `map` and `head` are pushed to watchers. `elsewhere`:
 * another process of the same database wrote either.
 */
export type Change = 'map' | 'head' | 'join' | 'elsewhere'

export interface ChangeFeed {
  emit(change: Change): void
  /** @returns how to stop listening */
  listen(listener: (change: Change) => void): () => void
}

/** A feed inside one process. */
export function changeFeed(): ChangeFeed {
  const listeners = new Set<(change: Change) => void>()
  return {
    emit: change => {
      for (const listener of listeners) listener(change)
    },
    listen: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
