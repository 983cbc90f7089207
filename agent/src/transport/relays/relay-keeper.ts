/**
 * Keeps a link and a live reservation at one relay: an own dial loop, because libp2p never reserves again at a relay
 * that returns. Exponential wait with jitter, so that the agents of a restarted relay do not all come at once.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'
import { decorrelatedJitterGenerator, ExponentialBackoff } from 'cockatiel'
import type { Link } from '../links/link.ts'
import type { RelayCandidate } from './relay-choice.ts'
import type { Reservations } from './reservations.ts'

export interface RelayKeeperInit {
  relay: RelayCandidate
  connect: (relay: RelayCandidate, signal: AbortSignal) => Promise<Link>
  reservations: Pick<Reservations, 'reserve' | 'renew' | 'release' | 'onLost'>
  retryMs: number
  maxRetryMs: number
  /** A relay that leaves is not dialled while the link to it stands, this long at most, ms: it would accept no agent. */
  leftMs: number
  /** There is a new link to the relay: ends the one before it, whose reservation would be taken for this one's. */
  replace?: (link: Link) => void
  /** Monotonic milliseconds. */
  now: () => number
  /** The reservation was made or lost. */
  onChange: () => void
  /** An attempt failed; the loop continues. */
  onError: (error: unknown) => void
}

export class RelayKeeper {
  readonly relay: RelayCandidate
  readonly #now: () => number
  readonly #reservations: Pick<Reservations, 'reserve' | 'renew' | 'release' | 'onLost'>
  readonly #onError: (error: unknown) => void
  readonly #retryMs: number
  readonly #maxRetryMs: number
  readonly #leftMs: number
  readonly #connect: (relay: RelayCandidate, signal: AbortSignal) => Promise<Link>
  readonly #replace: ((link: Link) => void) | undefined
  readonly #onChange: () => void
  readonly #stopping = new AbortController()
  readonly #unsubscribe: () => void
  #loop: Promise<void> | undefined
  #link: Link | undefined
  #downSince: number
  /** Whether the relay said that it leaves. */
  #leaves = false
  /** Wakes the loop when the reservation is lost while the link lives. */
  #lost: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(init: RelayKeeperInit) {
    this.#now = init.now
    this.#reservations = init.reservations
    this.#onError = init.onError
    this.#retryMs = init.retryMs
    this.#maxRetryMs = init.maxRetryMs
    this.#leftMs = init.leftMs
    this.#connect = init.connect
    this.#replace = init.replace
    this.#onChange = init.onChange
    this.relay = init.relay
    this.#downSince = init.now()
    this.#unsubscribe = init.reservations.onLost(relayId => {
      if (relayId === init.relay.peerId) this.#lost.resolve()
    })
  }

  /** The link, while a reservation lives on it. */
  get link(): Link | undefined {
    return this.#link
  }

  /** Milliseconds without a reservation; 0 with one. */
  get downMs(): number {
    return this.#link === undefined ? this.#now() - this.#downSince : 0
  }

  start(): void {
    this.#loop ??= this.#run(this.#stopping.signal)
  }

  /**
   * The link is open but useless now: dials again, or waits until it is useful.
   * @param leaves the relay said that it leaves: it is dialled again when its link is closed
   */
  letGo(leaves = false): void {
    this.#leaves = leaves
    this.#lost.resolve()
  }

  /** The clock was set: the reservation is made anew on the link that stands, or the link ends. */
  renew(): void {
    if (this.#link === undefined) return
    this.#reservations.renew(this.relay.peerId).catch((error: unknown) => {
      this.#onError(error)
      this.letGo()
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    this.#unsubscribe()
    this.#reservations.release(this.relay.peerId)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const first = new ExponentialBackoff({
      initialDelay: this.#retryMs,
      maxDelay: this.#maxRetryMs,
      generator: decorrelatedJitterGenerator,
    })
    let wait: { duration: number; next(context: unknown): typeof wait } = first.next()
    while (!signal.aborted) {
      try {
        const link = await this.#hold(signal)
        if (this.#leaves) await this.#gone(link, signal)
        wait = first.next()
      } catch (error) {
        if (!signal.aborted) this.#onError(error)
      }
      await delay(timerDelay(wait.duration), undefined, { signal }).catch(() => {})
      wait = wait.next(undefined)
    }
  }

  /** Resolves when the relay that leaves has closed the link. */
  async #gone(link: Link, signal: AbortSignal): Promise<void> {
    this.#leaves = false
    const limit = new AbortController()
    const late = AbortSignal.any([signal, limit.signal])
    await Promise.race([
      link.closed,
      delay(timerDelay(this.#leftMs), undefined, { signal: late }).catch(() => {}),
    ])
    limit.abort()
  }

  /** One round: opens a link, reserves, and waits until either ends. @returns the link */
  async #hold(signal: AbortSignal): Promise<Link> {
    const link = await this.#connect(this.relay, signal)
    this.#replace?.(link)
    const release = link.pin()
    const { promise: stopped, resolve } = Promise.withResolvers<void>()
    const stop = () => resolve()
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#lost = Promise.withResolvers()
      await this.#reservations.reserve(this.relay.peerId)
      if (signal.aborted) return link
      this.#link = link
      this.#onChange()
      await Promise.race([link.closed, this.#lost.promise, stopped])
      return link
    } finally {
      signal.removeEventListener('abort', stop)
      release()
      if (this.#link !== undefined) {
        this.#link = undefined
        this.#downSince = this.#now()
        this.#onChange()
      }
    }
  }
}
