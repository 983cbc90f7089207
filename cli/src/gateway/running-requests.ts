import { MeshError } from '@agent-mesh/protocol/errors'

import { gatewayDefaults } from './defaults.ts'
import type { GatewayToken } from './gateway-tokens.ts'

/** What is in flight of each token: requests, streams, connections to ports. */
export class RunningRequests {
  readonly #running = new Map<string, number>()

  /** @returns says that it has ended, once @throws MeshError rate_limited */
  start({ id, app }: Pick<GatewayToken, 'id' | 'app'>): () => void {
    const before = this.#running.get(id) ?? 0
    if (before >= gatewayDefaults.requestsOfToken)
      throw new MeshError('rate_limited', `Cannot serve the request: ${app} has ${before} in flight`, {
        hint: 'Wait for one of them to end.',
      })
    this.#running.set(id, before + 1)
    return () => {
      const left = this.#running.get(id)! - 1
      if (left === 0) this.#running.delete(id)
      else this.#running.set(id, left)
    }
  }
}
