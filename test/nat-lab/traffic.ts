/** Calls of all sorts from one agent to another, all along, while something happens to the network between them. */
import { isErrorCode, MeshError } from '@agent-mesh/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import type { CallRecord } from './judge-calls.ts'
import type { RunningAgent } from './mesh.ts'

/** Between two calls, ms. */
const everyMs = 100
/** One in so many may not be repeated. */
const plainOneIn = 5
/**
 * Longer than a lost path may hold a call, ms: it is given up after 15 s of silence, and then the call may be made
 * again within the same deadline.
 */
const timeoutMs = 30_000

export class Traffic {
  readonly records: CallRecord[] = []
  readonly #from: RunningAgent
  readonly #to: RunningAgent
  readonly #calls = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #loop: Promise<void>

  constructor(from: RunningAgent, to: RunningAgent) {
    this.#from = from
    this.#to = to
    this.#loop = this.#run(this.#stopping.signal)
  }

  /** Milliseconds of `performance.now()`, for {@link judge}. */
  static now(): number {
    return performance.now()
  }

  /** Begins no more calls and waits for those that run. */
  async stop(): Promise<readonly CallRecord[]> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all(this.#calls)
    return this.records
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n++) {
      this.#begin(n % plainOneIn !== 0)
      await delay(everyMs, undefined, { signal }).catch(() => undefined)
    }
  }

  #begin(idempotent: boolean): void {
    const call = this.#call(idempotent).then(record => {
      this.records.push(record)
      this.#calls.delete(call)
    })
    this.#calls.add(call)
  }

  async #call(idempotent: boolean): Promise<CallRecord> {
    const beganAt = performance.now()
    // Some are under way whenever something happens: they take three times the pause between two.
    const call = idempotent
      ? { method: 'lab.echo', params: 1, idempotent }
      : { method: 'lab.wait', params: { ms: 3 * everyMs } }
    try {
      const { path } = await this.#from.api.call({ ...call, peer: this.#to.site.name, timeoutMs })
      return { beganAt, ms: performance.now() - beganAt, idempotent, ok: true, ...(path && { path }) }
    } catch (error) {
      const ms = performance.now() - beganAt
      const typed = error instanceof MeshError && isErrorCode(error.code) && error.code !== 'internal'
      const why = error instanceof Error ? error.message : String(error)
      return { beganAt, ms, idempotent, ok: false, code: typed ? error.code : 'untyped', why }
    }
  }
}
