import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { MeshError } from '@agent-mesh/protocol'

/** Resolves when a pipe or the input of a program takes more, or has taken all. @throws MeshError path_lost when it closes before */
export async function untilTaken(pipe: Writable, event: 'drain' | 'finish'): Promise<void> {
  const limit = new AbortController()
  const closed = () => limit.abort(new MeshError('path_lost', 'Cannot send the rest: the pipe was closed'))
  pipe.once('close', closed)
  if (pipe.closed) closed()
  try {
    await once(pipe, event, { signal: limit.signal })
  } catch (error) {
    throw limit.signal.aborted ? (limit.signal.reason as MeshError) : error
  } finally {
    pipe.off('close', closed)
  }
}
