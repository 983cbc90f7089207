/** Trace context as text, W3C: `00-<trace id>-<span id>-<flags>`. */
import type { TraceFields } from './tracing.ts'

/** @param trace undefined: there is none */
export function traceparentOf(trace: TraceFields['trace']): string | undefined {
  if (trace === undefined) return undefined
  const { traceId, spanId, flags } = trace
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`
}

/** @param traceparent of a form that was checked */
export function traceOfParent(traceparent: string | null | undefined): TraceFields['trace'] {
  const [, traceId, spanId, flags] = traceparent?.split('-') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, flags: parseInt(flags, 16) }
}
