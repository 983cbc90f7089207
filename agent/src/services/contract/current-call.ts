/** The call that a handler serves, known to whatever the handler runs: so calls that it makes are made on behalf of that one. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { MeshError } from '@agent-mesh/protocol'
import { passedTrace } from '../../observe/passed-trace.ts'
import type { TraceFields } from '../../observe/tracing.ts'
import type { CallContext } from './call-context.ts'

/**
 * Calls that one call may be made on behalf of, one within the other. Services that ask each other in a circle end here, if their
 * common deadline does not end them before; a chain of 16 members is longer than any design on purpose.
 */
export const maxHops = 16

const serving = new AsyncLocalStorage<CallContext>()

/** The asynchronous context of no call: that in which this module was loaded. */
const outside = new AsyncResource('AgentMeshServing')

/** Runs a handler, and what it starts, as the work of this call, within the asynchronous context that surrounds it. */
export const runServing = <T>(context: CallContext, handler: () => T): T => serving.run(context, handler)

/**
 * As {@link runServing}, for a call that nothing of the program surrounds, neither middleware nor a span. `AsyncLocalStorage.run` makes
 * two contexts, one to enter and one to leave, the second a copy of the first; this makes one.
 */
export const runServingAlone = <T>(context: CallContext, handler: () => T): T =>
  serving.getStore() === context
    ? handler()
    : outside.runInAsyncScope(entered<T>, undefined, context, handler)

function entered<T>(context: CallContext, handler: () => T): T {
  serving.enterWith(context)
  return handler()
}

/**
 * The call that is being served here; undefined outside of handlers, and once that call has ended: what a handler leaves running in
 * the background belongs to no call.
 */
export function currentCall(): CallContext | undefined {
  const context = serving.getStore()
  return context?.isOpen === true ? context : undefined
}

/** The trace that what is made here continues, where no span does. */
export const currentTrace = (): TraceFields | undefined => currentCall() ?? passedTrace()

/** @throws MeshError `invalid_argument`, with `{ hops }` in its details, for a call that too many others are waiting for */
export function checkHops(method: string, hops: number): void {
  if (hops <= maxHops) return
  throw new MeshError(
    'invalid_argument',
    `Cannot call ${method}: ${hops} calls wait for it, each for the next`,
    {
      hint: `Services that call each other in a circle end after ${maxHops} calls: break the circle.`,
      details: { hops },
      notStarted: true,
    },
  )
}
