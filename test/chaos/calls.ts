/** Calls by some of the agents, on their local sockets, at a rate that the machine can serve: each begin and end is recorded. */
import { isErrorCode, MeshError } from '@agent-mesh/protocol'
import type { ChaosMember } from './chaos-mesh.ts'
import type { Recorder } from './history.ts'

/** A call has so much time, ms: longer than a path that is lost may hold it, and time to find another provider. */
const deadlineMs = 10_000
const tickMs = 20
/**
 * Calls that one member has begun at a time: about five times as many as a machine that keeps up needs. One that does not keep up
 * gets fewer calls instead of a growing queue, and a caller that is cut off does not take the calls of the others.
 */
const mostOfCaller = 5
/** How long a handler takes, ms. */
const longestMs = 200

export interface CallsInit {
  history: Recorder
  callers: readonly ChaosMember[]
  /** Those that calls name. */
  callees: readonly ChaosMember[]
  /** Calls begun, at most. */
  perSecond: number
  random: () => number
  /** Number of the first. @default 0 */
  from?: number
}

export class Calls {
  readonly #init: CallsInit
  /** Calls that have not ended, and who makes them. */
  readonly #running = new Map<Promise<void>, ChaosMember>()
  /** They are about to end: they begin no calls. */
  readonly #resting = new Set<ChaosMember>()
  #timer: NodeJS.Timeout | undefined
  #count: number

  constructor(init: CallsInit) {
    this.#init = init
    this.#count = init.from ?? 0
  }

  /** Calls begun, those before the first included. */
  get count(): number {
    return this.#count
  }

  start(): void {
    let last = performance.now()
    let due = 0
    this.#timer = setInterval(() => {
      const now = performance.now()
      // After a late tick it does not catch up: all at once they would be late as well.
      due = Math.min(due + ((now - last) / 1_000) * this.#init.perSecond, this.#init.callers.length)
      last = now
      for (; due >= 1; due--) this.#begin()
    }, tickMs)
  }

  /** Begins no more and waits for the last. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#running.keys())
  }

  /** These begin no more calls, for they are about to end; resolves when their last has ended, which its deadline bounds. */
  async rest(callers: readonly ChaosMember[]): Promise<void> {
    for (const each of callers) this.#resting.add(each)
    await Promise.all([...this.#running].flatMap(([call, by]) => (callers.includes(by) ? [call] : [])))
  }

  /** These begin calls again. */
  resume(callers: readonly ChaosMember[]): void {
    for (const each of callers) this.#resting.delete(each)
  }

  /** Half are idempotent; one in four names the member that is called. */
  #begin(): void {
    const { callers, callees, random } = this.#init
    const busy = Map.groupBy(this.#running.values(), caller => caller)
    const awake = callers.filter(
      caller => !this.#resting.has(caller) && (busy.get(caller)?.length ?? 0) < mostOfCaller,
    )
    const caller = awake[this.#count % Math.max(1, awake.length)]
    if (caller === undefined) return
    const number = this.#count++
    const others = callees.filter(callee => callee !== caller)
    const callee = number % 4 === 3 ? others[Math.floor(random() * others.length)] : undefined
    const call = { id: `call-${number}`, ms: Math.round(random() * longestMs), idempotent: random() < 0.5 }
    const running: Promise<void> = callOnce(this.#init.history, caller, call, callee).finally(() =>
      this.#running.delete(running),
    )
    this.#running.set(running, caller)
  }
}

interface OneCall {
  id: string
  ms: number
  idempotent: boolean
}

/** One call and its outcome; never rejects. Unknown outcomes, a deadline or a lost path, are `info`. */
export async function callOnce(
  history: Recorder,
  caller: ChaosMember,
  { id, ms, idempotent }: OneCall,
  callee?: ChaosMember,
): Promise<void> {
  const value = { deadlineMs, idempotent, ...(callee === undefined ? {} : { callee: callee.name }) }
  const event = { process: caller.name, op: 'call', id } as const
  history.add<'call'>({ ...event, type: 'invoke', value })
  try {
    const { name: by } = await caller.api.call({
      method: idempotent ? 'work.look' : 'work.book',
      params: { id, ms },
      timeoutMs: deadlineMs,
      idempotent,
      ...(callee === undefined ? {} : { peer: callee.name }),
    })
    history.add<'call'>({ ...event, type: 'ok', value: { ...value, ...(by !== undefined && { by }) } })
  } catch (error) {
    const code = error instanceof MeshError && isErrorCode(error.code) ? error.code : 'internal'
    const why = error instanceof Error ? error.message.slice(0, 300) : String(error)
    const unknown = ['internal', 'deadline_exceeded', 'path_lost'].includes(code)
    history.add<'call'>({ ...event, type: unknown ? 'info' : 'fail', value: { ...value, code, why } })
  }
}
