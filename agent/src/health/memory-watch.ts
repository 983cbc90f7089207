/**
 * Memory of this process against its limit: the heap limit of V8, or the limit of its container. Above the high mark new calls are
 * shed, until it is below the low one: a process that is killed loses all calls, one that sheds loses new ones, which their callers
 * repeat elsewhere. A process without calls makes little garbage, and V8 collects none: while it sheds, it collects by itself.
 */
import type { Recovery } from '@agent-mesh/protocol/recovery'
import { getHeapStatistics } from 'node:v8'
import { collector } from '../core/collector.ts'
import type { HealthBeat } from './beat.ts'
import type { CheckResult } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

/** Bytes in use and the limit, of what is nearest to its limit. */
export interface MemoryUse {
  readonly kind: 'heap' | 'container'
  readonly bytes: number
  readonly limitBytes: number
}

const share = ({ bytes, limitBytes }: MemoryUse): number => bytes / limitBytes

/** Of this process. */
export function memoryUse(): MemoryUse {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  const heap: MemoryUse = { kind: 'heap', bytes: used, limitBytes: limit }
  const limitBytes = process.constrainedMemory()
  // Without a limit it is 0, or larger than any machine.
  if (limitBytes <= 0 || limitBytes >= 2 ** 53) return heap
  const container: MemoryUse = { kind: 'container', bytes: process.memoryUsage.rss(), limitBytes }
  return share(container) > share(heap) ? container : heap
}

export interface MemoryWatchInit {
  readonly beat: Pick<HealthBeat, 'now' | 'onBeat'>
  readonly recovery: Pick<Recovery, 'acted'>
  /** @default that of this process */
  readonly use?: () => MemoryUse
  /** Share of the limit above which new calls are shed; false: never. @default `shedAbove` */
  readonly shedAbove?: number | false
  /** Collects garbage, all of it. @default by V8 */
  readonly collect?: () => void
}

export class MemoryWatch {
  readonly #recovery: Pick<Recovery, 'acted'>
  readonly #now: () => number
  readonly #use: () => MemoryUse
  readonly #collect: () => void
  readonly #shedAbove: number | false
  readonly #unlisten: () => void
  #last: MemoryUse
  #above = 0
  #shedding = false
  /** Monotonic ms before which it does not collect. */
  #collectAt = 0

  constructor(init: MemoryWatchInit) {
    const { beat, recovery, use = memoryUse, collect = collectAll } = init
    this.#now = () => beat.now()
    this.#recovery = recovery
    this.#use = use
    this.#collect = collect
    this.#shedAbove = init.shedAbove ?? healthDefaults.shedAbove
    this.#last = use()
    this.#unlisten = beat.onBeat(() => this.look())
  }

  /** Of the limit, when looked at last. */
  get share(): number {
    return share(this.#last)
  }

  /** Whether new calls are refused. */
  get shedding(): boolean {
    return this.#shedding
  }

  look(): void {
    this.#last = this.#use()
    if (this.#shedAbove === false) return
    this.#above = this.share > this.#shedAbove ? this.#above + 1 : 0
    if (this.#shedding) return this.#recover(this.#shedAbove - healthDefaults.shedUntil)
    if (this.#above < healthDefaults.shedLooks) return
    this.#shedding = true
    this.#recovery.acted('memory-shed', `began to refuse new calls: ${this.#last.kind} memory is nearly full`)
  }

  #recover(below: number): void {
    if (this.share >= below && this.#now() >= this.#collectAt) this.#lookWithoutGarbage()
    if (this.share >= below) return
    this.#shedding = false
    this.#recovery.acted('memory-accepts', 'accepts calls again')
  }

  /** A heap that is full of what is in use costs most, and gains nothing: only a share of the time goes into it. */
  #lookWithoutGarbage(): void {
    const begunAt = this.#now()
    this.#collect()
    const endedAt = this.#now()
    this.#collectAt = endedAt + (endedAt - begunAt) * healthDefaults.collectOneIn
    this.#last = this.#use()
  }

  /** A built-in check. */
  readonly check = (): CheckResult => {
    const { kind, bytes, limitBytes } = this.#last
    const part = share(this.#last)
    const reason = `${kind} memory: ${mib(bytes)} of ${mib(limitBytes)} MiB in use`
    if (this.#shedding) return { level: 'failing', reason: `${reason}; new calls are refused` }
    const isFull = part > (this.#shedAbove === false ? healthDefaults.shedAbove : this.#shedAbove)
    return isFull ? { level: 'warning', reason } : { level: 'passing' }
  }

  stop(): void {
    this.#unlisten()
  }
}

let gc: NodeJS.GCFunction | undefined

function collectAll(): void {
  gc ??= collector()
  gc({ type: 'major' })
}

const mib = (bytes: number): number => Math.round(bytes / 1024 ** 2)
