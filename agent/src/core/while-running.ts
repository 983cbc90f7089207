import { MeshError } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'

/**
 * Runs with a signal that follows `signal` and a time limit, but only until the run ends: `net.connect` ties a socket to
 * its signal for life, so a signal that fires later, as every timeout does, would end the connection it opened.
 * @param run gets the signal, and a function that sets the limit anew, milliseconds from then
 */
export async function whileRunning<T>(
  signal: AbortSignal,
  ms: number,
  run: (limited: AbortSignal, extend: (ms: number) => void) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const follow = () => own.abort(signal.reason)
  const expireIn = (limit: number) =>
    setTimeout(
      () =>
        own.abort(new MeshError('deadline_exceeded', `Cannot connect: no link in ${Math.round(limit)} ms`)),
      timerDelay(limit),
    )
  let timer = expireIn(ms)
  const extend = (limit: number) => {
    clearTimeout(timer)
    timer = expireIn(limit)
  }
  signal.addEventListener('abort', follow, { once: true })
  if (signal.aborted) follow()
  try {
    return await run(own.signal, extend)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}
