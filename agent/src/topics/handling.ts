/** What surrounds the handling of a message: its span, and its acknowledgement once it has been handled. */
import { MeshError } from '@agent-mesh/protocol'
import { passedTrace, runWithinTrace } from '../observe/passed-trace.ts'
import type { TraceFields, Tracing } from '../observe/tracing.ts'

export interface Handling {
  run<T>(handler: () => T): T
  /** @param error of the handler: the message is not acknowledged */
  end(error?: unknown): void
}

export interface HandledMessage {
  readonly topic: string
  readonly publisher: string
  /** Where its publisher stands. */
  readonly trace: TraceFields['trace']
  readonly acknowledge: (() => void) | undefined
}

/** @returns begins with the message; undefined when nothing surrounds it */
export function handlingOf(
  tracing: Tracing | undefined,
  { topic, publisher, trace, acknowledge }: HandledMessage,
): (() => Handling) | undefined {
  // Of the link that brings it, where that was opened within a trace.
  const isWithin = trace !== undefined || passedTrace() !== undefined
  if (tracing?.active !== true && acknowledge === undefined && !isWithin) return undefined
  return () => {
    const fields = trace === undefined ? {} : { trace }
    const span = tracing?.handle(topic, fields, publisher)
    return {
      run: handler => (span === undefined ? runWithinTrace(fields, handler) : span.run(handler)),
      end: error => {
        span?.end(error === undefined ? 'ok' : error instanceof MeshError ? error.code : 'internal')
        if (error === undefined) acknowledge?.()
      },
    }
  }
}
