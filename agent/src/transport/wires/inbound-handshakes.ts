/**
 * Connections that came in and have proved nothing yet. Their number is bounded, and so is the share of one source: no
 * host takes all the places. A connection that has sent nothing yet is displaced by the next one, and is ended soon anyway.
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

/** What holds at every door. */
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
  readonly #init: InboundHandshakesInit<T>
  /** Who came first is first. */
  readonly #places = new Map<T, Place>()

  constructor(init: InboundHandshakesInit<T>) {
    this.#init = init
  }

  /** Those under way, a count. */
  get size(): number {
    return this.#places.size
  }

  /** @returns whether there was a place for it; it has it until {@link leave}, or until it is ended */
  enter(one: T, source: string): boolean {
    const { max, perSource, silenceMs, now } = this.#init
    const all = [...this.#places]
    const same = all.filter(([, place]) => place.source === source)
    if (same.length >= perSource && !this.#replace(same)) return false
    if (this.#places.size >= max && !this.#replace(all)) return false
    // What came in while the event loop was busy is read before the immediate runs.
    const timer = setTimeout(() => setImmediate(() => this.#look(one)), timerDelay(silenceMs)).unref()
    this.#places.set(one, { source, since: now(), timer })
    return true
  }

  /** It has proved its peer id, or has ended. */
  leave(one: T): void {
    clearTimeout(this.#places.get(one)?.timer)
    this.#places.delete(one)
  }

  /** Ends the oldest of them that has sent nothing. @returns whether there was one */
  #replace(among: readonly (readonly [T, Place])[]): boolean {
    const { graceMs, isSilent, now } = this.#init
    const before = now() - graceMs
    const silent = among.find(([one, { since }]) => since <= before && isSilent(one))
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
    const { isSilent, silenceMs, limitMs } = this.#init
    const late = (what: string) =>
      this.#end(one, new MeshError('deadline_exceeded', `Cannot keep connection: ${what}`))
    if (isSilent(one)) return late(`it said nothing for ${silenceMs} ms`)
    place.timer = setTimeout(
      () => late(`no handshake within ${limitMs} ms`),
      timerDelay(limitMs - silenceMs),
    ).unref()
  }

  #end(one: T, reason: MeshError): void {
    this.leave(one)
    this.#init.end(one, reason)
  }
}
