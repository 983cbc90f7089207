import { toMeshError } from '@agent-mesh/protocol'
import { traceparentOf } from '../observe/traceparent.ts'
import type { Tracing } from '../observe/tracing.ts'
import { currentTrace } from '../services/contract/current-call.ts'

/** Publishes within a span. @param publish gets its W3C traceparent, or that of the call that is being served; null: there is none */
export async function tracedPublish<T>(
  tracing: Tracing | undefined,
  topic: string,
  publish: (traceparent: string | null) => Promise<T>,
): Promise<T> {
  const span = tracing?.publish(topic)
  const { trace } = span?.fields ?? currentTrace() ?? {}
  try {
    const published = await publish(traceparentOf(trace) ?? null)
    span?.end('ok', {})
    return published
  } catch (error) {
    const { code, message } = toMeshError(error, 'internal', `publish to ${topic}`)
    span?.end(code, { message })
    throw error
  }
}
