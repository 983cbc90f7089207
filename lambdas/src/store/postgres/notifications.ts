import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { jitter } from '../jitter.ts'
import { run, type Script } from '../sql/script.ts'
import type { Client } from './pool.ts'
import { schemaName } from './schema.ts'

const channel = schemaName

/** Notifications between the processes of one database: map or head changed. */
export class Notifications {
  readonly #connection: () => Client
  /** Distinguishes the notifications of this process from those of others. */
  readonly #self = randomUUID()
  readonly #listeners = new Set<() => void>()
  readonly #connectionListeners = new Set<(connected: boolean) => void>()
  #connected = true
  #listening: Promise<void> | undefined
  readonly #closing = new AbortController()

  /** @param connection makes one that is not connected yet */
  constructor(connection: () => Client) {
    this.#connection = connection
  }

  /** Notifies the other processes, once the transaction is committed. */
  *announce(): Script<void> {
    yield* run('SELECT pg_notify($1, $2)', channel, this.#self)
  }

  /** Calls `listener` when another process notified, or may have. @returns how to stop */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#listening ??= this.#follow()
    return () => void this.#listeners.delete(listener)
  }

  /** Calls `listener` when the connection that listens is lost, and when there is one again. @returns how to stop */
  onConnection(listener: (connected: boolean) => void): () => void {
    this.#connectionListeners.add(listener)
    return () => void this.#connectionListeners.delete(listener)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#listening
  }

  /** Keeps one connection listening; after each loss it is made anew and everything may have changed. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing
    for (let tries = 1; !signal.aborted; tries++) {
      const client = this.#connection()
      const lost = new Promise<void>(resolve => {
        client.on('error', () => resolve())
        client.on('end', () => resolve())
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      client.on('notification', ({ payload }) => payload !== this.#self && this.#tell())
      try {
        await client.connect()
        await client.query(`LISTEN ${channel}`)
        tries = 0
        this.#setConnected(true)
        this.#tell()
        await lost
      } catch {
        // The pool fails as well, and reports it to its caller.
      }
      if (!signal.aborted) this.#setConnected(false)
      await client.end().catch(() => undefined)
      await sleep(timerDelay(jitter(tries)), undefined, { signal }).catch(() => undefined)
    }
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    for (const listener of this.#connectionListeners) listener(connected)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
