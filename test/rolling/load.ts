/** Calls at a steady rate, whatever the outcome of earlier ones: each is recorded. */
import type { Agent } from '@agent-mesh/agent'
import { durationOf, rates } from './call-plan.ts'
import type { CallRecord } from './judge-run.ts'
import { longestMs, type work } from './work-contract.ts'

type Caller = Agent<readonly [typeof work]>

/** Two tries of the longest call, and time to find another provider. */
const timeout = 3 * longestMs
/** ms between two looks at what is due. */
const tickMs = 10

export class Load {
  readonly records: CallRecord[] = []
  readonly #callers: readonly (readonly [string, Caller])[]
  readonly #random: () => number
  readonly #running = new Set<Promise<void>>()
  readonly #sent = { look: 0, book: 0 }
  #timer: NodeJS.Timeout | undefined
  #startedAt = 0

  /** @param callers by name; calls take turns among them */
  constructor(callers: Record<string, Caller>, random: () => number) {
    this.#callers = Object.entries(callers)
    this.#random = random
  }

  get running(): number {
    return this.#running.size
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  /** Begins no more calls; resolves when the last has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#running)
  }

  #tick(): void {
    const seconds = (performance.now() - this.#startedAt) / 1_000
    for (const method of ['look', 'book'] as const)
      for (; this.#sent[method] < seconds * rates[method]; this.#sent[method]++) this.#begin(method)
  }

  #begin(method: 'look' | 'book'): void {
    const number = this.#sent[method]
    const [caller, agent] = this.#callers[number % this.#callers.length] ?? []
    if (caller === undefined || agent === undefined) throw new Error('Cannot call: there is no caller')
    const asked = durationOf(this.#random)
    const call: Promise<void> = this.#call(agent, {
      id: `${method}-${number}`,
      method,
      caller,
      asked,
    }).finally(() => this.#running.delete(call))
    this.#running.add(call)
  }

  async #call(agent: Caller, call: Omit<CallRecord, 'took' | 'failure'>): Promise<void> {
    const beganAt = performance.now()
    const failure = await agent
      .call(`work.${call.method}`, { id: call.id, ms: call.asked }, { timeout })
      .then(
        () => undefined,
        (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
      )
    const took = performance.now() - beganAt
    this.records.push({ ...call, took, ...(failure === undefined ? {} : { failure }) })
  }
}
