import { timeoutSignal } from '@agent-mesh/protocol/timers'
import type { Connection } from '@libp2p/interface'
import type { MeshNode } from './node.ts'

export interface IdentificationInit {
  identify: MeshNode['identify']
  /** Milliseconds for one. */
  limitMs: number
  onError: (error: unknown) => void
}

const endings = ['ConnectionClosedError', 'StreamStateError']

/** Runs libp2p's identify on links, and only there: it would tell a stranger what runs here. */
export class Identification {
  readonly #init: IdentificationInit
  readonly #running = new Set<Promise<unknown>>()

  constructor(init: IdentificationInit) {
    this.#init = init
  }

  of(connection: Connection): void {
    const { identify, limitMs, onError } = this.#init
    const running: Promise<unknown> = identify(connection, {
      signal: timeoutSignal(limitMs),
    })
      .catch((error: unknown) => {
        // Muxer and streams may be closing a moment before the connection says so: a surplus link retires while it is identified.
        const ended = error instanceof Error && endings.includes(error.name)
        if (connection.status === 'open' && !ended) onError(error)
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Waits for those that run. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.#running])
  }
}
