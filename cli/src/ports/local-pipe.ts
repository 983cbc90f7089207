/** Pipes to ports of members through the agent of this machine: the client of `GET /v1/connect` on its socket. */
import { request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { connectLocal, failureOf, problemIn } from '@agent-mesh/agent/gateway/local-socket'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localPipeUpgrade } from '@agent-mesh/protocol/local-ports'

import { checkSocketPath } from '../data/data-folder.ts'
import { commandFailure } from '../local/local-failure.ts'
import { FramedPipe } from './framed-pipe.ts'

export interface MemberPort {
  /** Name or peer id of the member. */
  readonly peer: string
  /** What it exposes the port as. */
  readonly port: string
}

/**
 * Opens a port of a member. A pipe that is reset fails with an error.
 * @param signal ends the opening, not the pipe
 * @throws MeshError as {@link Agent.connect}; `NothingRunningError`
 */
export function openLocalPipe(
  folder: string,
  { peer, port }: MemberPort,
  signal: AbortSignal,
): Promise<Duplex> {
  const path = `/v1/connect?${new URLSearchParams({ peer, port })}`
  return openLocalUpgrade(folder, path, { action: `connect to ${peer}:${port}`, signal })
}

/**
 * Bytes with the agent of this machine, behind a request that is upgraded.
 * @param action what cannot be done @throws MeshError what the agent answers; `NothingRunningError`
 */
export function openLocalUpgrade(
  folder: string,
  path: string,
  { action, signal }: { action: string; signal: AbortSignal },
): Promise<Duplex> {
  checkSocketPath(folder)
  const sent = request({
    createConnection: () => connectLocal(folder),
    path,
    headers: { connection: 'Upgrade', upgrade: localPipeUpgrade },
  })
  return new Promise<Duplex>((resolve, reject) => {
    const abort = () => {
      sent.destroy()
      reject(new MeshError('cancelled', `Cannot ${action}: cancelled`))
    }
    signal.addEventListener('abort', abort, { once: true })
    sent.on('close', () => signal.removeEventListener('abort', abort))
    sent.on('upgrade', (_reply, socket, head) => {
      signal.removeEventListener('abort', abort)
      resolve(new FramedPipe(socket as Socket, head))
    })
    sent.on('response', reply => void refusal(reply, path).then(reject, reject))
    const fail = (error: Error) => failureOf(error, folder, { signal })
    sent.on('error', error => reject(commandFailure(fail(error), folder) as MeshError))
    sent.end()
    if (signal.aborted) abort()
  })
}

const refusal = async (reply: IncomingMessage, path: string): Promise<MeshError> =>
  problemIn(Buffer.concat(await reply.toArray()).toString(), path)
