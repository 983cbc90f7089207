/** Trace context in the request of a pipe, W3C. */
import type { PipeRequest } from '@agent-mesh/protocol'
import type { TraceFields } from '../../observe/tracing.ts'

type PipeTrace = Pick<PipeRequest, 'traceparent' | 'tracestate'>

/** What a request says of the span of its caller. */
export function pipeTrace({ trace, tracestate }: TraceFields): PipeTrace {
  if (trace === undefined) return {}
  const { traceId, spanId, flags } = trace
  const traceparent = `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`
  return { traceparent, ...(tracestate !== undefined && { tracestate }) }
}

export function traceOf({ traceparent, tracestate }: PipeTrace): TraceFields {
  const [, traceId, spanId, flags] = traceparent?.split('-') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return {}
  const trace = { traceId, spanId, flags: parseInt(flags, 16) }
  return { trace, ...(tracestate !== undefined && { tracestate }) }
}
