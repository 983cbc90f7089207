/** Room and admission of the cache of answers: both are judged by one shadow, which begins anew with each change of either. */
import type { CallCache } from '../services/cache/call-cache.ts'
import { cacheDefaults } from '../services/cache/defaults.ts'
import { CacheShadow, type CacheShape } from './cache-shadow.ts'
import { gainDefaults } from './defaults.ts'
import type { Knob, Proposal } from './knob.ts'
import { bytesText } from './values.ts'

type TunedCache = Pick<CallCache, 'room' | 'admission' | 'maxBytes' | 'store' | 'bytes'>
type Seen = NonNullable<CacheShadow['shares']>[number]

export class CacheTrials {
  readonly cache: TunedCache
  readonly #now: () => number
  #shadow: CacheShadow | undefined

  /** @param now monotonic ms */
  constructor(cache: TunedCache, now: () => number) {
    this.cache = cache
    this.#now = now
  }

  get isWatching(): boolean {
    return this.#shadow !== undefined
  }

  /** Begins anew when `shape` is set. */
  watch(): void {
    const { store } = this.cache
    if (store === undefined || this.#shadow !== undefined) return
    store.watch = this.#shadow = new CacheShadow(store, this.#shapes(), this.#now)
  }

  /** What the shape of now, and each other one, would have answered; undefined: not enough was seen. */
  seen(): { now: Seen; others: readonly Seen[] } | undefined {
    const [now, ...others] = this.#shadow?.shares ?? []
    return now === undefined ? undefined : { now, others }
  }

  set({ room, admission }: CacheShape): void {
    if (this.cache.room !== room) this.cache.room = room
    if (this.cache.admission !== admission) this.cache.admission = admission
    this.#shadow = undefined
    this.watch()
  }

  #shapes(): CacheShape[] {
    const { room, admission, maxBytes } = this.cache
    const other = admission === 'all' ? 'frequency' : 'all'
    const shapes: CacheShape[] = [
      { room, admission },
      { room, admission: other },
    ]
    if (room / 2 >= cacheDefaults.leastBytes) shapes.push({ room: Math.floor(room / 2), admission })
    if (room < maxBytes) shapes.push({ room: Math.min(maxBytes, room * 2), admission })
    return shapes
  }

  /** @param value how the knob shows a shape */
  proposal({ now, to }: { now: Seen; to: Seen }, value: (shape: CacheShape) => string): Proposal {
    const percent = ({ share }: Seen): string => `${(share * 100).toFixed(1)} %`
    return {
      after: value(to.shape),
      reason: `it would answer ${percent(to)} of the calls, and answers ${percent(now)}`,
      apply: () => this.set(to.shape),
      revert: () => this.set(now.shape),
    }
  }
}

abstract class CacheKnob {
  protected readonly trials: CacheTrials

  constructor(trials: CacheTrials) {
    this.trials = trials
  }

  get isWatching(): boolean {
    return this.trials.isWatching
  }

  watch(): void {
    this.trials.watch()
  }
}

const sizeOf = ({ room }: CacheShape): string => bytesText(room)

/** Grows, up to `cache.maxBytes`, while that answers more calls; gives memory back that answers none. */
export class CacheSizeKnob extends CacheKnob implements Knob {
  readonly name = 'cacheSize'

  get value(): string {
    return sizeOf(this.trials.cache)
  }

  propose(): Proposal | undefined {
    const seen = this.trials.seen()
    if (seen === undefined) return undefined
    const { now, others } = seen
    const larger = others.find(({ shape }) => shape.room > now.shape.room)
    if (larger !== undefined && larger.share >= now.share + gainDefaults.cacheGain)
      return this.trials.proposal({ now, to: larger }, sizeOf)
    const smaller = others.find(({ shape }) => shape.room < now.shape.room)
    if (smaller === undefined || this.trials.cache.bytes <= smaller.shape.room) return undefined
    if (smaller.share < now.share - gainDefaults.cacheLoss) return undefined
    return this.trials.proposal({ now, to: smaller }, sizeOf)
  }
}

/** Keeps each new answer where what is asked for changes faster than the counts of the frequency. */
export class CacheAdmissionKnob extends CacheKnob implements Knob {
  readonly name = 'cacheAdmission'

  get value(): string {
    return this.trials.cache.admission
  }

  propose(): Proposal | undefined {
    const seen = this.trials.seen()
    if (seen === undefined) return undefined
    const { now, others } = seen
    const other = others.find(({ shape }) => shape.admission !== now.shape.admission)
    if (other === undefined || other.share < now.share + gainDefaults.cacheGain) return undefined
    return this.trials.proposal({ now, to: other }, ({ admission }) => admission)
  }
}
