import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { transportDefaults } from '../defaults.ts'
import type { MeshNode } from './node.ts'

export interface IdentificationInit {
  identify: MeshNode['identify']
  /** Milliseconds for one. */
  limitMs: number
  onError: (error: unknown) => void
}

/** What libp2p throws when a connection ends under identify: muxer and streams close a moment before the connection says so. */
const endings = ['ConnectionClosedError', 'StreamStateError']

const isEnding = (error: unknown): boolean => error instanceof Error && endings.includes(error.name)

/** Runs libp2p's identify on links that need it, and only there: it would disclose software and versions to strangers. */
export class Identification {
  readonly #identify: MeshNode['identify']
  readonly #limitMs: number
  readonly #onError: (error: unknown) => void
  readonly #running = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()

  constructor(init: IdentificationInit) {
    this.#identify = init.identify
    this.#limitMs = init.limitMs
    this.#onError = init.onError
  }

  of(connection: Connection): void {
    const running: Promise<unknown> = this.#identify(connection, { signal: timeoutSignal(this.#limitMs) })
      .catch((error: unknown) => this.#failed(connection, error))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Reports failures on a link that stays; a link that ends, such as a surplus one, needs no identify. */
  async #failed(connection: Connection, error: unknown): Promise<void> {
    if (isEnding(error)) await this.#closed(connection)
    if (connection.status === 'open' && !this.#stopping.signal.aborted) this.#onError(error)
  }

  /** Waits until the connection has closed, for as long as an orderly close may take. */
  async #closed(connection: Connection): Promise<void> {
    const over = new AbortController()
    connection.addEventListener('close', () => over.abort(), { once: true })
    const signal = AbortSignal.any([over.signal, this.#stopping.signal])
    if (connection.status === 'closed') over.abort()
    await delay(2 * transportDefaults.closeMs, undefined, { signal }).catch(() => undefined)
  }

  /** Waits for those that run. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled([...this.#running])
  }
}
