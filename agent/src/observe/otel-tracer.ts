/**
 * Spans by the semantic conventions for RPC (https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/) and messaging
 * (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
 */
import { errorCodes, version, type ErrorCode } from '@agent-mesh/protocol'
import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api'
import { passedTrace } from './passed-trace.ts'
import { fitsField } from './traceparent.ts'
import type { ClientSpan, ServerSpan, TraceFields } from './tracing.ts'

type Api = typeof import('@opentelemetry/api')

export class OtelTracer {
  readonly #api: Api
  readonly #tracer: Tracer

  constructor(api: Api) {
    this.#api = api
    this.#tracer = api.trace.getTracer('@agent-mesh/agent', version)
  }

  /** A child of the span that is active where the call is made. */
  call(method: string): ClientSpan {
    return this.#client(described(method))
  }

  /** As {@link call}, of a pipe to a port. */
  connect(port: string): ClientSpan {
    return this.#client(describedPort(port))
  }

  /** A child of the caller's span: not of one that is active here, where frames of any call are read. */
  serve(method: string, fields: TraceFields, caller: string): ServerSpan {
    return this.#server(described(method), fields, caller)
  }

  /** As {@link serve}, of a pipe to a port of this member. */
  accept(port: string, fields: TraceFields, caller: string): ServerSpan {
    return this.#server(describedPort(port), fields, caller)
  }

  /** A message for a topic. */
  publish(topic: string): ClientSpan {
    return this.#client(describedTopic('publish', 'send', topic), this.#api.SpanKind.PRODUCER)
  }

  /** A message of a topic while a subscription handles it: a child of the span of its publisher. */
  handle(topic: string, fields: TraceFields, publisher: string): ServerSpan {
    const { CONSUMER } = this.#api.SpanKind
    return this.#server(describedTopic('process', 'process', topic), fields, publisher, CONSUMER)
  }

  #client({ name, attributes }: Described, kind = this.#api.SpanKind.CLIENT): ClientSpan {
    const { SpanStatusCode, isSpanContextValid } = this.#api
    const span = this.#tracer.startSpan(name, { kind, attributes }, this.#surrounding())
    const context = span.spanContext()
    return {
      fields: isSpanContextValid(context) ? fieldsOf(context) : {},
      asked: peerId => nameMember(span, peerId),
      end: (code, { peerId, message }) => {
        if (peerId !== undefined) nameMember(span, peerId)
        if (code !== 'ok') failed(span, code, { code: SpanStatusCode.ERROR, message: message ?? code })
        span.end()
      },
    }
  }

  #server(
    { name, attributes }: Described,
    fields: TraceFields,
    caller: string,
    kind = this.#api.SpanKind.SERVER,
  ): ServerSpan {
    const { SpanStatusCode, context, trace } = this.#api
    const parent = this.#parentOf(fields)
    const options = { kind, attributes: { ...attributes, 'agent_mesh.peer.id': caller } }
    const span = this.#tracer.startSpan(name, options, parent)
    return {
      run: handler => context.with(trace.setSpan(parent, span), handler),
      end: code => {
        // As for gRPC: what the caller did wrong is no error of the server.
        const isFault = code !== 'ok' && errorCodes[code].status >= 500
        if (isFault) failed(span, code, { code: SpanStatusCode.ERROR })
        else if (code !== 'ok') failed(span, code)
        span.end()
      },
    }
  }

  /** What is active here; without a span, the trace that the work here continues. */
  #surrounding(): Context {
    const { context, trace } = this.#api
    const active = context.active()
    const passed = passedTrace()
    return passed === undefined || trace.getSpan(active) !== undefined
      ? active
      : this.#parentOf(passed, active)
  }

  #parentOf({ trace: parent, tracestate }: TraceFields, within = this.#api.ROOT_CONTEXT): Context {
    const { createTraceState, isSpanContextValid, trace } = this.#api
    if (parent === undefined) return within
    const { traceId, spanId, flags } = parent
    const remote: SpanContext = {
      ...{ traceId, spanId, traceFlags: flags, isRemote: true },
      ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
    }
    return isSpanContextValid(remote) ? trace.setSpanContext(within, remote) : within
  }
}

interface Described {
  readonly name: string
  readonly attributes: Attributes
}

const describedPort = (port: string): Described => ({
  name: `connect ${port}`,
  attributes: { 'agent_mesh.port': port },
})

const describedTopic = (operation: string, type: 'send' | 'process', topic: string): Described => ({
  name: `${operation} ${topic}`,
  attributes: {
    ...{ 'messaging.system': 'agent_mesh', 'messaging.destination.name': topic },
    ...{ 'messaging.operation.name': operation, 'messaging.operation.type': type },
  },
})

function described(method: string): Described {
  const dot = method.lastIndexOf('.')
  const [service, key] = [method.slice(0, dot), method.slice(dot + 1)]
  const attributes = { 'rpc.system': 'agent_mesh', 'rpc.service': service, 'rpc.method': key }
  return { name: `${service}/${key}`, attributes }
}

/** A program that is attached to an agent leaves the choice of the member to that: it knows none. */
function nameMember(span: Span, peerId: string): void {
  if (peerId !== '') span.setAttribute('agent_mesh.peer.id', peerId)
}

function failed(span: Span, code: ErrorCode, status?: Parameters<Span['setStatus']>[0]): void {
  span.setAttribute('error.type', code)
  if (status !== undefined) span.setStatus(status)
}

/** A state that is too long is left out: the call must not fail for it. */
function fieldsOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceFields {
  const tracestate = traceState?.serialize()
  const fits = tracestate !== undefined && fitsField(tracestate)
  return { trace: { traceId, spanId, flags: traceFlags }, ...(fits && { tracestate }) }
}
