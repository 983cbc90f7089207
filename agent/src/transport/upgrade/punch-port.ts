/**
 * The one local TCP port from which all relays are dialled. A NAT that maps ports independently of the destination then
 * shows the same public port to all, so a peer can meet this port. Nothing may listen on it: the kernel would hand
 * the meeting SYN to the listener, or refuse to bind. A dial never fails because of it: another port is used, or any.
 */
import type { Connection } from '@libp2p/interface'
import { upgradeDefaults } from './defaults.ts'

/** The port, or the same four-tuple, is in use; also for a minute after the end of a relay (TIME_WAIT). */
const taken = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'])

const isTaken = (error: unknown): boolean =>
  error instanceof Error && taken.has((error as NodeJS.ErrnoException).code ?? '')

export class PunchPort {
  readonly #random: () => number
  readonly #ports = new WeakMap<Connection, number>()
  #port: number

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
    this.#port = this.#choose()
  }

  /** The local port of a connection dialled here; undefined when it was dialled from any port. */
  of(connection: Connection): number | undefined {
    return this.#ports.get(connection)
  }

  /** Dials from the port; from another one when it is taken, and in the end from any. */
  async dial(dial: (from: { localPort?: number }) => Promise<Connection>): Promise<Connection> {
    for (let round = 0; round < 2; round++) {
      const localPort = this.#port
      try {
        const connection = await dial({ localPort })
        this.#ports.set(connection, localPort)
        return connection
      } catch (error) {
        if (!isTaken(error)) throw error
        if (this.#port === localPort) this.#port = this.#choose()
      }
    }
    return dial({})
  }

  #choose(): number {
    const { minPort, maxPort } = upgradeDefaults
    return minPort + Math.floor(this.#random() * (maxPort - minPort + 1))
  }
}
