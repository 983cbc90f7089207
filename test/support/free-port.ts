import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to those that ask for any: 32768 and more on Linux, 49152 and more elsewhere. Each worker has ports of
 * its own: what one has stopped for a moment is not taken by another.
 */
const own = 1_000
const lowest = 20_000 + (Number(process.env['VITEST_POOL_ID'] ?? 9) % 10) * own
/** Given already, but not taken yet. */
const given = new Set<number>()

/**
 * A port that is free now, for programs that cannot say which one they took, and for those that start again at their address. No socket
 * that asks for any port takes it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, lowest + own)
    if (given.has(port)) continue
    const server = createServer().listen(port, '127.0.0.1')
    if (!(await listens(server))) continue
    server.close()
    await once(server, 'close')
    given.add(port)
    return port
  }
}

/** @returns false when another program has the port. @throws Error */
const listens = (server: NodeJS.EventEmitter): Promise<boolean> =>
  once(server, 'listening').then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return false
      throw error
    },
  )
