import { MeshError, type Subject } from '@agent-mesh/protocol'
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { FairQueue, Lane, type InboundCall } from '../../rpc/index.ts'
import type { Concurrency } from '../contract/concurrency.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { limitDefaults, type LimitOptions } from './defaults.ts'
import type { ServedMethod } from './service-registry.ts'
import { UseMeter } from './use-meter.ts'

/** The right to run one handler; given back when that has ended. */
export interface Permit {
  /** @param now monotonic ms */
  release(now: number): void
}

/** Decides how many handlers run at once. */
export interface CallLimiter {
  /**
   * A permit at once, or when there is room.
   * @throws MeshError `overloaded`, also as a rejection, when there is none in time; why the call ended when its caller gave up
   */
  acquire(served: ServedMethod, caller: Subject, call: InboundCall): Permit | Promise<Permit>
}

export interface CallLimiterInit {
  /** Monotonic ms. */
  readonly now: () => number
  /** A call was refused because its method had no room. Must not throw. */
  readonly onRefused?: () => void
  /** @default of the process */
  readonly startTimer?: StartTimer
  /** A call was refused by {@link MethodLimiter.shedWhen}. Must not throw. */
  readonly onShed?: () => void
  /** @default {@link limitDefaults} */
  readonly options?: Partial<LimitOptions>
}

/** How many calls may run beside those that do. */
interface Limit {
  readonly most: number
  admits(running: number, now: number): boolean
  ended(among: number, ms: number, running: number, now: number): void
}

const fixedLimit = (most: number): Limit => ({
  most,
  admits: running => running < most,
  ended: () => undefined,
})

interface Waiting {
  readonly call: InboundCall
  readonly since: number
  readonly resolve: (permit: Permit) => void
  readonly reject: (error: MeshError) => void
}

/**
 * One limit of calls in flight for each method served, as methods have different bottlenecks; {@link ConcurrencyLimit} finds it
 * unless the service sets one. Handlers that return without waiting run one at a time, so this limits handlers that wait.
 * A call without room waits for {@link LimitOptions.mostWaitMs} at most; callers take turns.
 */
export class MethodLimiter implements CallLimiter {
  readonly #init: CallLimiterInit
  readonly #options: LimitOptions
  readonly #methods = new Map<ServedMethod, MethodRoom>()
  readonly #sheds: (() => string | undefined)[] = []

  constructor(init: CallLimiterInit) {
    this.#init = init
    this.#options = { ...limitDefaults, ...init.options }
  }

  /**
   * From now on new calls and streams are refused while `shed` gives a reason. Calls of methods without a limit run: they are how a
   * member is examined.
   */
  shedWhen(shed: () => string | undefined): void {
    this.#sheds.push(shed)
  }

  acquire(served: ServedMethod, caller: Subject, call: InboundCall): Permit | Promise<Permit> {
    const isUnlimited = served.concurrency === 'unlimited'
    if (isUnlimited && served.stream === undefined) return unlimited
    for (const shed of this.#sheds) this.#refuseFor(served.method, shed())
    if (isUnlimited) return unlimited
    let room = this.#methods.get(served)
    if (room === undefined) {
      room = new MethodRoom(
        served.method,
        limitOf(served.concurrency, this.#options),
        this.#init,
        this.#options,
      )
      this.#methods.set(served, room)
    }
    return room.acquire(caller, call)
  }

  #refuseFor(method: string, reason: string | undefined): void {
    if (reason === undefined) return
    this.#init.onShed?.()
    throw new MeshError('overloaded', `Cannot call ${method}: ${reason}`, { notStarted: true })
  }

  /** Forgets methods that are served no more: calls of them that run end as they would. */
  keep(isServed: (method: ServedMethod) => boolean): void {
    for (const served of this.#methods.keys()) if (!isServed(served)) this.#methods.delete(served)
  }

  /** How much of its limit each method used, and how many of its calls were refused, since they were last taken. @param now monotonic ms */
  *uses(now: number): Generator<{ served: ServedMethod; use: number; refused: number }> {
    for (const [served, room] of this.#methods) yield { served, ...room.takeUse(now) }
  }

  /** Methods that are limited now, and to how many calls at once. */
  *limits(): Generator<readonly [method: string, most: number]> {
    for (const [{ method }, { most }] of this.#methods)
      if (Number.isFinite(most)) yield [method, Math.floor(most)]
  }
}

const unlimited: Permit = { release: () => undefined }

const limitOf = (concurrency: Concurrency, options: LimitOptions): Limit =>
  typeof concurrency === 'number' ? fixedLimit(concurrency) : new ConcurrencyLimit(options)

/** A call of a method that is limited, from its permit to its end. */
class RunningCall implements Permit {
  readonly #room: MethodRoom
  readonly #among: number
  readonly #beganAt: number

  constructor(room: MethodRoom, among: number, beganAt: number) {
    this.#room = room
    this.#among = among
    this.#beganAt = beganAt
  }

  release(now: number): void {
    this.#room.end(this.#among, this.#beganAt, now)
  }
}

/** The calls of one method that run or wait for room. */
class MethodRoom {
  readonly #method: string
  readonly #limit: Limit
  readonly #init: CallLimiterInit
  readonly #options: LimitOptions
  readonly #waiting = new FairQueue<Waiting>()
  readonly #lanes = new WeakMap<Subject, Lane<Waiting>>()
  readonly #look = (): void => this.#tick()
  readonly #use: UseMeter
  #running = 0
  #refused = 0
  #ticking = false

  constructor(method: string, limit: Limit, init: CallLimiterInit, options: LimitOptions) {
    this.#method = method
    this.#limit = limit
    this.#init = init
    this.#options = options
    this.#use = new UseMeter(init.now())
  }

  get most(): number {
    return this.#limit.most
  }

  acquire(caller: Subject, call: InboundCall): Permit | Promise<Permit> {
    const now = call.startedAt
    if (this.#waiting.size === 0 && this.#limit.admits(this.#running, now)) return this.#begin(now)
    return new Promise((resolve, reject) => {
      this.#waiting.add(this.#laneOf(caller), { call, since: now, resolve, reject })
      this.#letIn(now)
      if (this.#waiting.size > 0) this.#schedule()
    })
  }

  takeUse(now: number): { use: number; refused: number } {
    const refused = this.#refused
    this.#refused = 0
    return { use: this.#use.take(now), refused }
  }

  #begin(now: number): Permit {
    this.#running++
    this.#noteUse(now)
    return new RunningCall(this, this.#running, now)
  }

  /** A call ended that began at monotonic ms `beganAt` as one of `among`. */
  end(among: number, beganAt: number, now: number): void {
    this.#limit.ended(among, now - beganAt, this.#running, now)
    this.#running--
    this.#noteUse(now)
    if (this.#waiting.size > 0) this.#letIn(now)
  }

  #noteUse(now: number): void {
    this.#use.note(Math.min(1, this.#running / this.#limit.most), now)
  }

  #letIn(now: number): void {
    while (this.#waiting.size > 0 && this.#limit.admits(this.#running, now)) {
      const next = this.#waiting.next()!
      if (next.call.endedBy === undefined) next.resolve(this.#begin(now))
      else next.reject(next.call.endedBy)
    }
  }

  #tick(): void {
    this.#ticking = false
    const now = this.#init.now()
    const isOver = ({ call, since }: Waiting): boolean =>
      call.endedBy !== undefined || now - since > this.#options.mostWaitMs
    for (const { call, reject } of this.#waiting.sweep(isOver)) reject(call.endedBy ?? this.#refusal())
    this.#letIn(now)
    if (this.#waiting.size > 0) this.#schedule()
  }

  #refusal(): MeshError {
    this.#init.onRefused?.()
    this.#refused++
    const reason = `${this.#running} calls of it are running, and it gets slower with more`
    return new MeshError('overloaded', `Cannot call ${this.#method}: ${reason}`, { notStarted: true })
  }

  #schedule(): void {
    if (this.#ticking) return
    this.#ticking = true
    const { startTimer: start = startTimer } = this.#init
    start(limitDefaults.tickMs, this.#look, { ref: false })
  }

  #laneOf(caller: Subject): Lane<Waiting> {
    let lane = this.#lanes.get(caller)
    if (lane === undefined) this.#lanes.set(caller, (lane = new Lane()))
    return lane
  }
}
