import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that systems give to those that ask for any: 32768 and more on Linux, 49152 and more elsewhere. */
const lowest = 20_000
const beyond = 30_000

/**
 * A port that is free now, for programs that cannot say which one they took, and for those that start again at their address. No socket
 * that asks for any port takes it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond)
    const server = createServer().listen(port, '127.0.0.1')
    if (!(await listens(server))) continue
    server.close()
    await once(server, 'close')
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
