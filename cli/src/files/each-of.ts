/**
 * Runs `run` for each item, some at a time; the first failure ends all.
 * @throws what failed first, once nothing runs any more
 */
export async function eachOf<T>(
  items: AsyncGenerator<T, void>,
  atOnce: number,
  until: AbortSignal,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([until, stop.signal])
  const lane = async (): Promise<void> => {
    try {
      for await (const item of shared(items)) {
        if (signal.aborted) return
        await run(item, signal)
      }
    } catch (error) {
      stop.abort(error)
      throw error
    }
  }
  const lanes = Array.from({ length: atOnce }, lane)
  try {
    await Promise.all(lanes)
    until.throwIfAborted()
  } finally {
    await Promise.allSettled(lanes)
    await items.return()
  }
}

/** A lane that ends leaves the items to the others. */
const shared = <T>(items: AsyncGenerator<T, void>): AsyncIterable<T> => ({
  [Symbol.asyncIterator]: () => ({ next: () => items.next() }),
})
