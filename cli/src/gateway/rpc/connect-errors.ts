import { problemOf } from '@agent-mesh/protocol/api/problem'
import { toMeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { Code, ConnectError } from '@connectrpc/connect'

import { ProblemSchema } from './gen/agentmesh/v1/mesh_pb.ts'

/**
 * The codes that gRPC has for ours. Many clients repeat a request after `Unavailable` by themselves, so only what may be repeated has
 * that one.
 */
const codes = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  clock_skew: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  revoked: Code.PermissionDenied,
  token_invalid: Code.PermissionDenied,
  not_found: Code.NotFound,
  conflict: Code.Aborted,
  map_gap: Code.OutOfRange,
  too_large: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  mesh_full: Code.ResourceExhausted,
  too_many_links: Code.Unavailable,
  overloaded: Code.Unavailable,
  unavailable: Code.Unavailable,
  path_lost: Code.Unknown,
  going_away: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  protocol_error: Code.Internal,
  unsupported: Code.Unimplemented,
  application: Code.Unknown,
  internal: Code.Internal,
} as const satisfies Record<ErrorCode, Code>

/**
 * What a client gets of an error: the code that it knows, ours in `mesh-code`, and a `Problem`. Those of the library stay: of a message
 * that cannot be read, of a deadline.
 * @param id of the failure in the log
 */
export function connectErrorOf(thrown: unknown, action: string, id?: string): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const error = toMeshError(thrown, 'internal', action)
  const { code, detail, hint, declared } = problemOf(error)
  const problem = {
    ...{ code, retryable: error.retriable },
    ...(hint !== undefined && { hint }),
    ...(declared !== undefined && { declared }),
    ...(id !== undefined && { id }),
  }
  const details = [{ desc: ProblemSchema, value: problem }]
  return new ConnectError(detail, codes[error.code], { 'mesh-code': code }, details, error)
}
