/**
 * Inbound connections whose handshake is not complete. Their number is bounded in total and for each source, so that no host
 * takes all the places. A connection that has sent nothing is displaced by the next one, and is ended soon in any case.
 */
import { MeshError } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { transportDefaults } from '../defaults.ts'

export interface InboundHandshakesInit<T> {
  /** Of all sources together, a count. */
  max: number
  /** Of one source, a count. */
  perSource: number
  /** A connection that was silent for this long may be displaced, ms. */
  graceMs: number
  /** A connection without a byte is closed after this, ms. */
  silenceMs: number
  /** A handshake that is not done is ended after this, ms. */
  limitMs: number
  /** Whether it has sent nothing yet. */
  isSilent: (one: T) => boolean
  end: (one: T, reason: MeshError) => void
  /** Monotonic milliseconds. */
  now: () => number
}

/** Limits of every listener. */
export const inboundLimits = {
  max: transportDefaults.maxPendingUpgrades,
  perSource: transportDefaults.maxPendingUpgrades * transportDefaults.sourceShare,
  graceMs: transportDefaults.silenceGraceMs,
  silenceMs: transportDefaults.silenceMs,
  now: () => performance.now(),
}

interface Place {
  source: string
  since: number
  timer: NodeJS.Timeout
}

export class InboundHandshakes<T> {
  readonly #perSource: InboundHandshakesInit<T>['perSource']
  readonly #max: InboundHandshakesInit<T>['max']
  readonly #silenceMs: InboundHandshakesInit<T>['silenceMs']
  readonly #now: InboundHandshakesInit<T>['now']
  readonly #graceMs: InboundHandshakesInit<T>['graceMs']
  readonly #isSilent: InboundHandshakesInit<T>['isSilent']
  readonly #limitMs: InboundHandshakesInit<T>['limitMs']
  readonly #endConnection: InboundHandshakesInit<T>['end']
  /** In order of arrival. */
  readonly #places = new Map<T, Place>()

  constructor(init: InboundHandshakesInit<T>) {
    this.#perSource = init.perSource
    this.#max = init.max
    this.#silenceMs = init.silenceMs
    this.#now = init.now
    this.#graceMs = init.graceMs
    this.#isSilent = init.isSilent
    this.#limitMs = init.limitMs
    this.#endConnection = init.end
  }

  /** Those under way, a count. */
  get size(): number {
    return this.#places.size
  }

  /** @returns whether there was a place for it; it has it until {@link leave}, or until it is ended */
  enter(one: T, source: string): boolean {
    const all = [...this.#places]
    const same = all.filter(([, place]) => place.source === source)
    if (same.length >= this.#perSource && !this.#replace(same)) return false
    if (this.#places.size >= this.#max && !this.#replace(all)) return false
    // Bytes that arrived while the event loop was busy are read before the immediate runs.
    const timer = setTimeout(() => setImmediate(() => this.#look(one)), timerDelay(this.#silenceMs)).unref()
    this.#places.set(one, { source, since: this.#now(), timer })
    return true
  }

  /** It has proved its peer id, or has ended. */
  leave(one: T): void {
    clearTimeout(this.#places.get(one)?.timer)
    this.#places.delete(one)
  }

  /** Ends the oldest of them that has sent nothing. @returns whether there was one */
  #replace(among: readonly (readonly [T, Place])[]): boolean {
    const before = this.#now() - this.#graceMs
    const silent = among.find(([one, { since }]) => since <= before && this.#isSilent(one))
    if (silent === undefined) return false
    this.#end(
      silent[0],
      new MeshError('rate_limited', 'Cannot keep connection: others wait, and it sends nothing'),
    )
    return true
  }

  #look(one: T): void {
    const place = this.#places.get(one)
    if (place === undefined) return
    const late = (what: string) =>
      this.#end(one, new MeshError('deadline_exceeded', `Cannot keep connection: ${what}`))
    if (this.#isSilent(one)) return late(`it said nothing for ${this.#silenceMs} ms`)
    place.timer = setTimeout(
      () => late(`no handshake within ${this.#limitMs} ms`),
      timerDelay(this.#limitMs - this.#silenceMs),
    ).unref()
  }

  #end(one: T, reason: MeshError): void {
    this.leave(one)
    this.#endConnection(one, reason)
  }
}
