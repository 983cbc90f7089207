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

  static start(): Traced {
    const traced = new Traced()
    context.setGlobalContextManager(new LocalContexts())
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(traced.#exporter)] }),
    )
    return traced
  }

  /** Those that ended since the last {@link reset}, in the order of their ends. */
  get spans() {
    return this.#exporter.getFinishedSpans()
  }

  reset(): void {
    this.#exporter.reset()
  }

  stop(): void {
    trace.disable()
    context.disable()
  }
}
