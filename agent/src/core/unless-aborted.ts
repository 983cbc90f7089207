/** Resolves with `work`, or when the signal aborts before; leaves no listener on it. */
export async function unlessAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  try {
    await Promise.race([work, promise])
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
