/** The trace that work continues where no span does: calls, messages and pipes that it makes pass it on. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TraceFields } from './tracing.ts'

const passed = new AsyncLocalStorage<TraceFields>()

/** Runs work, and what it starts, as a part of a trace. Fields without one change nothing. */
export const runWithinTrace = <T>(fields: TraceFields, work: () => T): T =>
  fields.trace === undefined ? work() : passed.run(fields, work)

export const passedTrace = (): TraceFields | undefined => passed.getStore()
