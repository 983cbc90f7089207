/**
 * Does a work for each item, so many at the same time. All that were begun have ended when it settles.
 * @throws what the first one threw that failed; no more are begun then
 */
export async function inTurns<T>(
  items: readonly T[],
  together: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const failures: unknown[] = []
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined && failures.length === 0; item = left.shift())
      await work(item).catch((error: unknown) => failures.push(error))
  }
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, next))
  if (failures.length > 0) throw failures[0]
}
