import type { Subject } from '@agent-mesh/protocol'
import type { InboundCall } from '../../rpc/index.ts'

/** What a handler knows about its call besides the params. */
export class CallContext {
  /** Who calls: `sub` is the peer id that the transport proved, the rest its credential's. */
  readonly caller: Subject
  /** `math.add` */
  readonly method: string
  readonly #call: InboundCall
  readonly #now: () => number

  constructor(caller: Subject, method: string, call: InboundCall, now: () => number) {
    this.caller = caller
    this.method = method
    this.#call = call
    this.#now = now
  }

  /** Aborted when nobody waits for the result any more: pass it on to whatever takes one. */
  get signal(): AbortSignal {
    return this.#call.signal
  }

  /** The caller may send this call again after a broken link. */
  get idempotent(): boolean {
    return this.#call.idempotent
  }

  /** ms until the call ends with `deadline_exceeded`: the budget of calls made on its behalf. */
  get remainingMs(): number {
    return Math.max(0, this.#call.deadline - this.#now())
  }
}
