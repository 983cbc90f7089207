/** Spans of calls, as rooms that make and serve calls see them. */
import type { ErrorCode } from '@agent-mesh/protocol'
import type { RequestFields } from '@agent-mesh/protocol/wire/index'

/** Trace context of a call, W3C. */
export type TraceFields = Pick<RequestFields, 'trace' | 'tracestate'>

/** A call that this member makes. */
export interface ClientSpan {
  /** What is sent to its callee. */
  readonly fields: TraceFields
  /** A member is asked: it is named when the call fails there. @param peerId of that member */
  asked(peerId: string): void
  /** @param peerId of the member that answered */
  end(code: 'ok' | ErrorCode, outcome: { peerId?: string; message?: string }): void
}

/** A call that this member serves. */
export interface ServerSpan {
  /** Runs the handler: its spans, and the calls that it makes, are children of this one. */
  run<T>(handler: () => T): T
  end(code: 'ok' | ErrorCode): void
}

/** Methods are as people call them: `math.add`. */
export interface Tracing {
  /** Whether anything traces now: what only spans need is left out where nothing does. */
  readonly active: boolean
  /** undefined: nothing traces. */
  call(method: string): ClientSpan | undefined
  /** @param fields of the request @param caller peer id. @returns undefined: nothing traces */
  serve(method: string, fields: TraceFields, caller: string): ServerSpan | undefined
  /** A message for a topic, until it is handed over, or acknowledged. */
  publish(topic: string): ClientSpan | undefined
  /** A message of a topic, while a subscription handles it. @param publisher peer id */
  handle(topic: string, fields: TraceFields, publisher: string): ServerSpan | undefined
  /** Opening a pipe to a port. */
  connect(port: string): ClientSpan | undefined
  /** A pipe to a port of this member, from its request until its handler returns. @param caller peer id */
  accept(port: string, fields: TraceFields, caller: string): ServerSpan | undefined
}
