import { MeshError } from '@agent-mesh/protocol'
import { listPage } from '../defaults.ts'
import type { Caller } from '../domain/callers.ts'

/** A request that is authenticated and parsed by the rules of its route. */
export interface RouteCall {
  /** The key that signed; absent on open routes. */
  peerId: string | undefined
  /** Absent on open routes and for `key`. */
  caller: Caller | undefined
  /** The key is or was enrolled: its credential may have expired, and its membership ended. */
  enrolled: boolean
  /** The only service that the bearer token of the request is for. */
  bearerOf?: string | undefined
  params: Record<string, string>
  /** Parsed by the schemas of the route. */
  query: Record<string, unknown>
  body: unknown
}

/** The reply; undefined is 204. */
export type RouteHandler = (call: RouteCall) => Promise<unknown>

/** The API router refuses requests without a caller; this narrows the type. */
export const callerOf = ({ caller }: RouteCall): Caller => {
  if (caller === undefined) throw new MeshError('unauthenticated', 'Cannot accept request: it is not signed')
  return caller
}

export const pageOf = ({ query }: RouteCall): { cursor?: string; limit: number } => {
  const { cursor, limit = listPage.usual } = query as { cursor?: string; limit?: number }
  return { limit, ...(cursor === undefined ? {} : { cursor }) }
}
