/** The trace that work continues where no span does: calls, messages and pipes that it makes pass it on. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TraceFields } from './tracing.ts'

interface Passed {
  readonly fields: TraceFields
  /** A link that the work opened outlives it: what arrives there later is no part of the trace. */
  open: boolean
}

const passed = new AsyncLocalStorage<Passed | undefined>()

/** Runs work, and what it starts until it has ended, as a part of a trace; of none where the fields have none. */
export function runWithinTrace<T>(fields: TraceFields, work: () => T): T {
  if (fields.trace === undefined)
    return passed.getStore() === undefined ? work() : passed.run(undefined, work)
  const within: Passed = { fields, open: true }
  const close = (): void => void (within.open = false)
  const result = passed.run(within, work)
  if (result instanceof Promise) result.then(close, close)
  else close()
  return result
}

export function passedTrace(): TraceFields | undefined {
  const within = passed.getStore()
  return within?.open === true ? within.fields : undefined
}
