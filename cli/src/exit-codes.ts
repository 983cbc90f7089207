import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'

/** What the command says to the shell; documented in docs/cli.md. */
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

/** For `--help` and docs/cli.md: what each code says, briefly. */
export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.failure, 'failed'],
  [exitCodes.usage, 'wrong usage or input'],
  [exitCodes.nothingRunning, 'nothing runs in this context'],
  [exitCodes.denied, 'permission denied'],
  [exitCodes.timeout, 'timed out'],
  [exitCodes.unavailable, 'nothing that could answer is reachable'],
  [exitCodes.notFound, 'not found'],
  [exitCodes.conflict, 'conflict'],
  [exitCodes.policyDenies, '"policy explain": the policy denies it'],
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

/** No daemon answers on the socket of this data folder, or the folder has not what one would leave in it. */
export class NothingRunningError extends MeshError {
  constructor(
    folder: string,
    cause?: unknown,
    message = `Cannot reach the agent of ${folder}: nothing runs there`,
    hint = 'Start it with: agent-mesh up (another mesh or folder: --context NAME, --data DIR)',
  ) {
    super('unavailable', message, { cause, hint })
  }
}

export function exitCodeOf(error: MeshError): ExitCode {
  return error instanceof NothingRunningError ? exitCodes.nothingRunning : byError[error.code]
}
