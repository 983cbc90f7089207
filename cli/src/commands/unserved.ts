import { MeshError } from '@agent-mesh/protocol/errors'

/**
 * The error of a call as the command tells it: a service that no member has is one that does not exist, as for "describe" and
 * "call-all"; not an outage.
 */
export function toldUnserved(thrown: unknown): unknown {
  if (!(thrown instanceof MeshError) || thrown.details?.['providers'] !== 0) return thrown
  const { message, hint, details } = thrown
  return new MeshError('not_found', message, { ...(hint !== undefined && { hint }), details, cause: thrown })
}
