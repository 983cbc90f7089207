/** Keeps a link to each watched peer, and its round trip known. */
import { timerDelay } from '@agent-mesh/protocol/timers'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'
import { WatchPace } from './watch-pace.ts'

export interface WatchLinksInit {
  /** Peer ids to watch, by the map as it is now. */
  targets: () => readonly string[]
  /** A link to the peer, opened if there is none. @throws MeshError */
  linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  /** Longest pause before a link that ended is dialled again, ms. @default none */
  redialMs?: () => number
  /** Milliseconds of a round trip. @throws MeshError */
  ping: (link: Link, signal: AbortSignal) => Promise<number>
  /** Whether to ping a link whose round trip is known; `restMs` is the usual time between two pings. @default always */
  isDue?: (link: Link, restMs: number) => boolean
  log: Logger
}

interface WatchTask {
  stop: AbortController
  done: Promise<void>
}

export class WatchLinks {
  readonly #targets: () => readonly string[]
  readonly #linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
  readonly #ping: (link: Link, signal: AbortSignal) => Promise<number>
  readonly #redialMs: (() => number) | undefined
  readonly #log: Logger
  readonly #due: WatchLinksInit['isDue']
  readonly #watched = new Map<string, WatchTask>()
  readonly #ends = new WeakMap<Link, AbortSignal>()
  #stopped = false
  #settling: NodeJS.Timeout | undefined
  /** Aborts when those that were not reached are to be dialled again. */
  #again = new AbortController()
  /** Monotonic milliseconds of the first change that has not been followed yet. */
  #changedAt: number | undefined

  constructor(init: WatchLinksInit) {
    this.#targets = init.targets
    this.#linkTo = init.linkTo
    this.#ping = init.ping
    this.#redialMs = init.redialMs
    this.#log = init.log
    this.#due = init.isDue
  }

  /** Whether the link to this peer is to be kept when idle. */
  watches(peerId: string): boolean {
    return this.#watched.has(peerId)
  }

  /** The map changed: watch those it names once it has been quiet for a while. */
  updateLater(): void {
    if (this.#stopped) return
    const now = performance.now()
    this.#changedAt ??= now
    const left = this.#changedAt + pathDefaults.watchSettleMaxMs - now
    clearTimeout(this.#settling)
    this.#settling = setTimeout(
      () => this.update(),
      timerDelay(Math.max(0, Math.min(pathDefaults.watchSettleMs, left))),
    )
  }

  /** The map changed: watch those it names now. */
  update(): void {
    clearTimeout(this.#settling)
    this.#changedAt = undefined
    if (this.#stopped) return
    const targets = new Set(this.#targets())
    for (const [peerId, { stop }] of this.#watched) if (!targets.has(peerId)) stop.abort()
    for (const peerId of targets) if (!this.#watched.has(peerId)) this.#watch(peerId)
  }

  /** Dials those again now that were not reached: the cause may have ended. */
  retryNow(): void {
    const again = this.#again
    this.#again = new AbortController()
    again.abort()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#settling)
    const all = [...this.#watched.values()]
    for (const { stop } of all) stop.abort()
    await Promise.all(all.map(({ done }) => done))
  }

  #watch(peerId: string): void {
    const stop = new AbortController()
    const done = this.#run(peerId, stop.signal).finally(() => {
      this.#watched.delete(peerId)
      this.update()
    })
    this.#watched.set(peerId, { stop, done })
  }

  async #run(peerId: string, signal: AbortSignal): Promise<void> {
    const pace = new WatchPace({ random: Math.random, redialMs: this.#redialMs })
    await pause(pace.firstMs(), signal)
    while (!signal.aborted) {
      try {
        const link = await this.#linkTo(peerId, signal)
        if (this.#isDue(link)) link.rttMs = await this.#ping(link, signal)
        const end = this.#endOf(link)
        await pause(pace.reachedMs(), signal, end)
        if (end.aborted) await pause(pace.endedMs(), signal)
      } catch (error) {
        if (!signal.aborted)
          this.#log.debug(
            { event: 'watched-peer-unreachable', peerId, err: error },
            'watched peer not reached',
          )
        const again = this.#again.signal
        await pause(pace.failedMs(), signal, again)
        if (again.aborted) pace.retryNow()
      }
    }
  }

  #isDue(link: Link): boolean {
    return link.rttMs === undefined || (this.#due?.(link, pathDefaults.watchPingMs) ?? true)
  }

  /** Aborts with the link. One for each: whatever waits for a promise is held until that settles, after days perhaps. */
  #endOf(link: Link): AbortSignal {
    const known = this.#ends.get(link)
    if (known !== undefined) return known
    const end = new AbortController()
    void link.closed.then(() => end.abort())
    this.#ends.set(link, end.signal)
    return end.signal
  }
}

/** Waits `ms`, less when a signal aborts. */
async function pause(ms: number, ...signals: AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(wake, timerDelay(ms))
  for (const signal of signals) signal.addEventListener('abort', wake, { once: true })
  if (signals.some(({ aborted }) => aborted)) wake()
  await promise
  clearTimeout(timer)
  for (const signal of signals) signal.removeEventListener('abort', wake)
}
