import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'

/** Exit codes of the command; documented in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  nothingRunning: 3,
  denied: 4,
  timeout: 5,
  unavailable: 6,
  notFound: 7,
  conflict: 8,
  policyDenies: 9,
  interrupted: 130,
} as const

/** For `--help` and docs/cli.md: what each code means, briefly. */
export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.failure, 'failed'],
  [exitCodes.usage, 'invalid usage or input'],
  [exitCodes.nothingRunning, 'no process runs in this context'],
  [exitCodes.denied, 'permission denied'],
  [exitCodes.timeout, 'timed out'],
  [exitCodes.unavailable, 'the control plane or the members are unreachable'],
  [exitCodes.notFound, 'not found'],
  [exitCodes.conflict, 'conflict'],
  [exitCodes.policyDenies, 'the policy denies it ("policy explain")'],
  [exitCodes.interrupted, 'interrupted'],
]

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const byError: Record<ErrorCode, ExitCode> = {
  invalid_argument: exitCodes.usage,
  unauthenticated: exitCodes.denied,
  clock_skew: exitCodes.denied,
  permission_denied: exitCodes.denied,
  revoked: exitCodes.denied,
  token_invalid: exitCodes.denied,
  not_found: exitCodes.notFound,
  conflict: exitCodes.conflict,
  map_gap: exitCodes.failure,
  too_large: exitCodes.usage,
  rate_limited: exitCodes.unavailable,
  mesh_full: exitCodes.unavailable,
  too_many_links: exitCodes.unavailable,
  overloaded: exitCodes.unavailable,
  unavailable: exitCodes.unavailable,
  path_lost: exitCodes.unavailable,
  going_away: exitCodes.unavailable,
  deadline_exceeded: exitCodes.timeout,
  cancelled: exitCodes.interrupted,
  protocol_error: exitCodes.failure,
  unsupported: exitCodes.notFound,
  application: exitCodes.failure,
  internal: exitCodes.failure,
}

/** No process answers on the socket of this data folder, or the folder lacks what such a process leaves in it. */
export class NothingRunningError extends MeshError {
  constructor(
    folder: string,
    cause?: unknown,
    message = `Cannot reach the agent of ${folder}: no process runs there`,
    hint = 'Start it with "agent-mesh up", or name another context with --context NAME or --data DIR.',
  ) {
    super('unavailable', message, { cause, hint })
  }
}

export function exitCodeOf(error: MeshError): ExitCode {
  return error instanceof NothingRunningError ? exitCodes.nothingRunning : byError[error.code]
}
