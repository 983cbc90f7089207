/** The caller of pipes. */
import type { Duplex } from 'node:stream'
import {
  isErrorCode,
  MeshError,
  pipeAnswerSchema,
  pipeLimits,
  toMeshError,
  type PipeRequest,
} from '@agent-mesh/protocol'
import { readMessage, writeMessage } from './handshake.ts'

export interface OpenPipeInit {
  request: PipeRequest
  /** What cannot be done if it fails: `connect to port ssh of db-1`. */
  action: string
  signal: AbortSignal
}

/**
 * Asks for what is to be on the other end of a fresh stream. @returns the pipe, whose next bytes are from there
 * @throws MeshError what the callee answers; protocol_error, path_lost; the reason of `signal`
 */
export async function openPipe(pipe: Duplex, { request, action, signal }: OpenPipeInit): Promise<Duplex> {
  // A link may end at any time: a failure without a listener must not end the process.
  pipe.on('error', () => {})
  try {
    writeMessage(pipe, request)
    const answer = await readMessage(pipe, {
      schema: pipeAnswerSchema,
      maxBytes: pipeLimits.messageBytes,
      signal,
    })
    if (!('ok' in answer)) throw refusal(answer.error)
    return pipe
  } catch (error) {
    const reason = toMeshError(error, 'unavailable', action)
    pipe.destroy(reason)
    throw reason
  }
}

function refusal({
  code,
  message,
  hint,
}: {
  code: string
  message: string
  hint?: string | undefined
}): MeshError {
  const known = isErrorCode(code) ? code : 'application'
  return new MeshError(known, message, {
    told: true,
    notStarted: true,
    ...(hint === undefined ? {} : { hint }),
  })
}
