/** Trace context as text, W3C (https://www.w3.org/TR/trace-context/): `00-<trace id>-<span id>-<flags>`. */
import { fieldBytes } from '@agent-mesh/protocol/wire/index'
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

/** Ids of zeros are none. Versions after 00 may say more behind the flags. */
const form = /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** Headers of HTTP, as a server has them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** The trace context of a request. What is none is left out, as is a `tracestate` that is too long: no request fails for it. */
export function traceOfHeaders({ traceparent, tracestate }: Headers): TraceFields {
  const [matched, version, more] = (typeof traceparent === 'string' && form.exec(traceparent)) || []
  if (matched === undefined || (version === '00' && more !== undefined)) return {}
  const trace = traceOfParent(matched)
  const fits = typeof tracestate === 'string' && tracestate !== '' && fitsField(tracestate)
  return { ...(trace !== undefined && { trace }), ...(fits && { tracestate }) }
}

/** @param fields undefined: there are none. What no header can carry of a `tracestate` is left out with it */
export function traceHeaders({ trace, tracestate }: TraceFields = {}): Record<string, string> {
  const traceparent = traceparentOf(trace)
  if (traceparent === undefined) return {}
  const sent = tracestate !== undefined && /^[\x20-\x7e]*$/.test(tracestate)
  return { traceparent, ...(sent && { tracestate }) }
}

/** Whether a request to a member can carry this `tracestate`. */
export const fitsField = (tracestate: string): boolean =>
  Buffer.byteLength(tracestate) <= fieldBytes.tracestate
