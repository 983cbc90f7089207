/**
 * Spans of calls by OpenTelemetry, where the program has set it up. It is looked for with calls until it is there, once a second: a look
 * at a global that is not there takes 1 to 3 % of a small call. Its API is loaded then, and never without it.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { tracingLookMs } from './defaults.ts'
import type { OtelTracer } from './otel-tracer.ts'
import type { ClientSpan, ServerSpan, TraceFields, Tracing } from './tracing.ts'

/** Where every version 1 of the API keeps what was set up: `trace` is the provider of tracers. */
const registry = Symbol.for('opentelemetry.js.api.1')

const isSetUp = (): boolean =>
  (globalThis as { [registry]?: { trace?: unknown } })[registry]?.trace !== undefined

export class OtelTracing implements Tracing {
  readonly #onError: (error: unknown) => void
  #tracer: OtelTracer | undefined
  #loading: Promise<void> | undefined
  /** It was looked for a moment ago. */
  #looked = false

  /** @param onError OpenTelemetry is set up, and its API cannot be loaded; called once */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Loads the API if OpenTelemetry is set up by now, so that the first call has a span. Never rejects. */
  async start(): Promise<void> {
    if (isSetUp()) await this.#load()
  }

  get active(): boolean {
    return this.#found() !== undefined
  }

  call(method: string): ClientSpan | undefined {
    return this.#found()?.call(method)
  }

  serve(method: string, fields: TraceFields, caller: string): ServerSpan | undefined {
    return this.#found()?.serve(method, fields, caller)
  }

  publish(topic: string): ClientSpan | undefined {
    return this.#found()?.publish(topic)
  }

  handle(topic: string, fields: TraceFields, publisher: string): ServerSpan | undefined {
    return this.#found()?.handle(topic, fields, publisher)
  }

  connect(port: string): ClientSpan | undefined {
    return this.#found()?.connect(port)
  }

  accept(port: string, fields: TraceFields, caller: string): ServerSpan | undefined {
    return this.#found()?.accept(port, fields, caller)
  }

  #found(): OtelTracer | undefined {
    if (this.#tracer === undefined && !this.#looked) this.#look()
    return this.#tracer
  }

  #look(): void {
    this.#looked = true
    if (isSetUp()) void this.#load()
    else setTimeout(() => (this.#looked = false), timerDelay(tracingLookMs)).unref()
  }

  #load(): Promise<void> {
    return (this.#loading ??= Promise.all([import('@opentelemetry/api'), import('./otel-tracer.ts')]).then(
      ([api, { OtelTracer }]) => {
        this.#tracer = new OtelTracer(api)
      },
      this.#onError,
    ))
  }
}
