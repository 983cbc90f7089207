import type { HandledRequest } from '../local/handler-server.ts'
import { milliseconds, requestOptions, truth } from './request-options.ts'

export interface CallSettings {
  peer?: string
  /** ms */
  timeout?: number
  key?: string
  idempotent?: boolean
}

const mostChars = { peer: 128, timeout: 32, key: 1_024, idempotent: 5 } as const

/** @throws MeshError invalid_argument for one that is unknown, or has no such value */
export function callSettings(request: Pick<HandledRequest, 'headers' | 'query'>): CallSettings {
  const { peer, timeout, key, idempotent } = requestOptions(request, mostChars, 'call')
  return {
    ...(peer !== undefined && { peer }),
    ...(timeout !== undefined && { timeout: milliseconds(timeout, 'call') }),
    ...(key !== undefined && { key }),
    ...(idempotent !== undefined && { idempotent: truth(idempotent, 'call', 'idempotent') }),
  }
}
