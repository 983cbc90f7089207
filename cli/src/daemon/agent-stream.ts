/** A stream of the agent for a program on this machine. */
import type { Agent } from '@agent-mesh/agent'
import type { LocalStreamLine, LocalStreamRequest } from '@agent-mesh/protocol/local-stream'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'

import type { StreamOptions } from '../local/local-daemon.ts'

/** @throws MeshError what ended the stream */
export async function* agentStream(
  agent: Agent,
  { method, app, params, bytes, peer, timeoutMs: timeout }: LocalStreamRequest,
  { signal, input }: StreamOptions,
): AsyncGenerator<LocalStreamLine, void, undefined> {
  const startedAt = performance.now()
  const stream = agent.stream(method, valueOfLocal({ value: params, bytes }), {
    app,
    peer,
    timeout,
    signal,
    input,
  })
  for await (const message of stream) yield localValue(message)
  const result = localValue(await stream.result)
  const { peerId } = stream
  yield { end: { ...result, ...(peerId !== undefined && { peerId }), ms: performance.now() - startedAt } }
}
