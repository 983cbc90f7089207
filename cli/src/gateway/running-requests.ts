import { MeshError } from '@agent-mesh/protocol/errors'

import type { ProgramCaller } from './caller.ts'
import { gatewayDefaults } from './defaults.ts'

type Asking = Pick<ProgramCaller, 'id' | 'app' | 'session'>

/** What is in flight of each token, and of each browser with one: requests, streams, connections to ports. */
export class RunningRequests {
  readonly #ofTokens = new Map<string, number>()
  readonly #ofSessions = new Map<string, number>()

  /** @returns says that it has ended, once @throws MeshError rate_limited */
  start({ id, app, session }: Asking): () => void {
    const { requestsOfToken, requestsOfSession } = gatewayDefaults
    checkRoom(this.#ofTokens.get(id), requestsOfToken, app)
    if (session !== undefined)
      checkRoom(this.#ofSessions.get(session), requestsOfSession, 'this address in this browser')
    count(this.#ofTokens, id, 1)
    if (session !== undefined) count(this.#ofSessions, session, 1)
    return () => {
      count(this.#ofTokens, id, -1)
      if (session !== undefined) count(this.#ofSessions, session, -1)
    }
  }
}

function checkRoom(running = 0, most: number, owner: string): void {
  if (running < most) return
  throw new MeshError('rate_limited', `Cannot serve the request: ${owner} has ${running} in flight`, {
    hint: 'Wait for one of them to end.',
  })
}

function count(running: Map<string, number>, key: string, more: 1 | -1): void {
  const left = (running.get(key) ?? 0) + more
  if (left === 0) running.delete(key)
  else running.set(key, left)
}
