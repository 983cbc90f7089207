import type { Duplex } from 'node:stream'

/**
 * Carries bytes both ways between two streams until both directions ended. The end of one direction is passed on alone
 * (half-close); a failure or an early close of one side destroys the other. Never throws.
 */
export function join(a: Duplex, b: Duplex): void {
  oneWay(a, b)
  oneWay(b, a)
}

function oneWay(from: Duplex, to: Duplex): void {
  from.pipe(to)
  // Without a listener the failure of a pipe would end the process; `close` follows.
  from.on('error', () => {})
  const closed = (): void => {
    const complete = from.readableEnded && from.writableFinished
    if (!complete && !to.destroyed) reset(to)
  }
  // One that has closed already does not say so again.
  if (from.closed) closed()
  else from.on('close', closed)
}

/** A socket tells its peer of a reset: an end would look like all bytes. */
function reset(stream: Duplex & { resetAndDestroy?: () => unknown }): void {
  if (stream.resetAndDestroy === undefined) stream.destroy()
  else stream.resetAndDestroy()
}
