/** Calls per second with `inFlight` calls at a time. */
export async function throughput(
  call: () => Promise<unknown>,
  inFlight: number,
  ms: number,
): Promise<{ calls: number; ms: number }> {
  let calls = 0
  const startedAt = performance.now()
  const until = startedAt + ms
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      await call()
      calls++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return { calls, ms: performance.now() - startedAt }
}

/** Microseconds of the median call with nothing else in flight. */
export async function aloneP50(call: () => Promise<unknown>, ms: number): Promise<number> {
  const times: number[] = []
  const until = performance.now() + ms
  for (let startedAt = performance.now(); startedAt < until;) {
    await call()
    const endedAt = performance.now()
    times.push(endedAt - startedAt)
    startedAt = endedAt
  }
  return median(times) * 1_000
}

export const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
