/** OpenTelemetry as a program sets it up, with spans kept in memory: once for a process. */
import { context, ROOT_CONTEXT, trace, type Context, type ContextManager } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { AsyncLocalStorage } from 'node:async_hooks'

class LocalContexts implements ContextManager {
  readonly #active = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#active.getStore() ?? ROOT_CONTEXT
  }

  with<Args extends unknown[], F extends (...args: Args) => ReturnType<F>>(
    active: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: Args
  ): ReturnType<F> {
    return this.#active.run(active, () => run.apply(self, args))
  }

  bind<T>(_: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#active.disable()
    return this
  }
}

export class Traced {
  readonly #exporter = new InMemorySpanExporter()
  /** Traces that began before the last {@link reset}: the callee of a call that was cancelled may end its span later. */
  readonly #past = new Set<string>()

  static start(): Traced {
    const traced = new Traced()
    context.setGlobalContextManager(new LocalContexts())
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(traced.#exporter)] }),
    )
    return traced
  }

  /** Those of traces that began since the last {@link reset}, in the order of their ends. */
  get spans() {
    return this.#exporter.getFinishedSpans().filter(span => !this.#past.has(span.spanContext().traceId))
  }

  reset(): void {
    for (const span of this.#exporter.getFinishedSpans()) this.#past.add(span.spanContext().traceId)
    this.#exporter.reset()
  }

  stop(): void {
    trace.disable()
    context.disable()
  }
}
