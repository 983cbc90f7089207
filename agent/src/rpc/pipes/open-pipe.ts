/** The caller of pipes. */
import type { Duplex } from 'node:stream'
import { isErrorCode, MeshError, pipeAnswerSchema, pipeLimits, toMeshError } from '@agent-mesh/protocol'
import { readMessage, writeMessage } from './handshake.ts'

export interface OpenPipeInit {
  /** Port of the peer: `ssh`. */
  port: string
  /** What the peer is called in errors. */
  peer: string
  signal: AbortSignal
}

/**
 * Asks for a port on a fresh stream. @returns the pipe, whose next bytes are the port's
 * @throws MeshError what the callee answers; protocol_error, path_lost; the reason of `signal`
 */
export async function openPipe(pipe: Duplex, { port, peer, signal }: OpenPipeInit): Promise<Duplex> {
  // A link may end at any time: a failure without a listener must not end the process.
  pipe.on('error', () => {})
  try {
    writeMessage(pipe, { to: `port:${port}` })
    const answer = await readMessage(pipe, {
      schema: pipeAnswerSchema,
      maxBytes: pipeLimits.messageBytes,
      signal,
    })
    if (!('ok' in answer)) throw refusal(answer.error)
    return pipe
  } catch (error) {
    const reason = toMeshError(error, 'unavailable', `connect to port ${port} of ${peer}`)
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
