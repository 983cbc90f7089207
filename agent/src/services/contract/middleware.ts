/** Functions of the program around each call: one place at the caller, one at the callee. */
import { MeshError, type Subject } from '@agent-mesh/protocol'
import { checkNames, namesOf } from '../../core/option-names.ts'

/** What both ends know of a call. */
export interface PassingCall {
  /** `math.add` */
  readonly method: string
  /** At the caller as it passed them; at the callee as they came, not checked yet. */
  readonly params: unknown
  /** What the caller says beside the params. */
  readonly metadata: Readonly<Record<string, string>>
  /** Aborted when the result is no longer awaited: pass it to every operation that accepts a signal. */
  readonly signal: AbortSignal
  /** Monotonic ms, of the agent's clock. */
  readonly deadline: number
  /** ms until the call ends with `deadline_exceeded`. */
  readonly remainingMs: number
}

/** A call of this agent. */
export interface OutgoingCall extends PassingCall {
  /** Name or peer id of the only member to ask; undefined: one that serves the method. */
  readonly peer: string | undefined
}

/** A call that this agent serves. */
export interface IncomingCall extends PassingCall {
  /** Who calls: `sub` is the peer id that the transport proved, the rest its credential's. */
  readonly caller: Subject
}

/**
 * Continues the call, once: with its params, or with others. @returns the result
 * @throws MeshError what the call ends with; `conflict` the second time
 */
export type Next = (...changed: [params?: unknown]) => Promise<unknown>

/** Gives the result of `next()`, or another one in its place; what it throws, the call ends with. */
export type Step<Call extends PassingCall> = (call: Call, next: Next) => unknown

export interface Middleware {
  /** Around each call that this agent makes: its params were checked, the cache and the members were not asked yet. */
  readonly call?: Step<OutgoingCall> | undefined
  /** Around each call and stream that this agent serves: the policy allows it, its params are not checked yet. */
  readonly serve?: Step<IncomingCall> | undefined
}

/** The steps of one end, in the order in which they were added: the first is the outermost. */
export class Steps<Call extends PassingCall> {
  #steps: readonly { readonly step: Step<Call> }[] = []

  get isEmpty(): boolean {
    return this.#steps.length === 0
  }

  /** From the next call on. @returns how to remove it */
  add(step: Step<Call>): () => void {
    const added = { step }
    this.#steps = [...this.#steps, added]
    return () => {
      this.#steps = this.#steps.filter(one => one !== added)
    }
  }

  /** @param callWith the call with these params @param last what the last step continues with */
  run(
    params: unknown,
    callWith: (params: unknown) => Call,
    last: (params: unknown) => Promise<unknown>,
  ): Promise<unknown> {
    const steps = this.#steps
    const from = async (index: number, given: unknown): Promise<unknown> => {
      const step = steps[index]?.step
      if (step === undefined) return last(given)
      const call = callWith(given)
      let passed = false
      return step(call, async (...changed) => {
        if (passed) throw passedTwice(call)
        passed = true
        return from(index + 1, changed.length === 0 ? given : changed[0])
      })
    }
    return from(0, params)
  }
}

const passedTwice = ({ method }: PassingCall): MeshError =>
  new MeshError('conflict', `Cannot call ${method}: its middleware called next() before`, {
    hint: 'A call that may be repeated is idempotent: the agent repeats it.',
  })

/** Where middleware goes: the caller and the callee of one agent. */
export interface MiddlewareEnds {
  readonly call: { use(step: Step<OutgoingCall>): () => void }
  readonly serve: { use(step: Step<IncomingCall>): () => void }
}

/** Adds middleware to both ends of an agent. @returns how to remove it @throws MeshError `invalid_argument` for what has no function */
export function addMiddleware(middleware: Middleware, ends: MiddlewareEnds): () => void {
  checkMiddleware(middleware)
  const { call, serve } = middleware
  const removes = [call && ends.call.use(call), serve && ends.serve.use(serve)]
  return () => {
    for (const remove of removes) remove?.()
  }
}

const middlewareNames = namesOf<Middleware>({ call: true, serve: true })

/** @throws MeshError `invalid_argument` for what has no function */
function checkMiddleware(middleware: unknown): void {
  checkNames(middleware, middlewareNames, '', 'use middleware')
  const { call, serve } = (middleware ?? {}) as Record<string, unknown>
  const steps = [call, serve].filter(step => step !== undefined)
  if (steps.length > 0 && steps.every(step => typeof step === 'function')) return
  throw new MeshError('invalid_argument', 'Cannot use middleware: call and serve are no functions', {
    hint: 'Give { call }, { serve } or both: functions of a call and next.',
  })
}
