/** Transient failures of PostgreSQL: the same transaction may be run again. */

/** SQLSTATEs: serialization failure, deadlock, shutdown and start, too many connections; class 08 are connections. */
const states = new Set(['40001', '40P01', '57P01', '57P02', '57P03', '53300'])

const sockets = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'])

/** What pg says without a code. */
const words = /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/

/** SQLSTATE disk_full: passes once there is room, so it is not tried again at once. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && (error as { code?: string }).code === '53100'

export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '' } = error as { code?: string }
  return states.has(code) || code.startsWith('08') || sockets.has(code) || words.test(error.message)
}
