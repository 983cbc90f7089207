/** Trace context in the request of a pipe, W3C. */
import type { PipeRequest } from '@agent-mesh/protocol'
import { traceOfParent, traceparentOf } from '../../observe/traceparent.ts'
import type { TraceFields } from '../../observe/tracing.ts'

type PipeTrace = Pick<PipeRequest, 'traceparent' | 'tracestate'>

/** What a request says of the span of its caller. */
export function pipeTrace({ trace, tracestate }: TraceFields): PipeTrace {
  const traceparent = traceparentOf(trace)
  if (traceparent === undefined) return {}
  return { traceparent, ...(tracestate !== undefined && { tracestate }) }
}

export function traceOf({ traceparent, tracestate }: PipeTrace): TraceFields {
  const trace = traceOfParent(traceparent)
  if (trace === undefined) return {}
  return { trace, ...(tracestate !== undefined && { tracestate }) }
}
