import type { ErrorCode, MeshError } from '@agent-mesh/protocol'
import {
  firstPauseMs,
  maxAttempts,
  maxIdempotentAttempts,
  maxRefusedAttempts,
  mostPauseMs,
} from './defaults.ts'

/** What is known when a try has failed. */
export interface Failed {
  readonly error: MeshError
  /** From 1. */
  readonly attempt: number
  readonly idempotent: boolean
  /** A member that was not tried could answer. */
  readonly elsewhere: boolean
}

/** Codes that concern one member only: it is not asked again, another one may be. */
const ofThisMember: readonly ErrorCode[] = ['unauthenticated', 'revoked', 'unsupported']
/** Codes after which more than a few tries gain nothing. */
const soonGivenUp: readonly ErrorCode[] = ['overloaded', 'unsupported']

/** Whether the handler answered, with a result of its own or a failure. */
export const isAnswer = ({ told, notStarted }: MeshError): boolean => told && !notStarted

/** Whether another run does no harm: the handler was not begun, or the call is idempotent and its own path broke. */
const isSafe = (error: MeshError, idempotent: boolean): boolean =>
  error.notStarted || (idempotent && !error.told && error.code === 'path_lost')

/** Whether a call whose try failed is worth another. */
export function worthRetry({ error, attempt, idempotent, elsewhere }: Failed): boolean {
  if (!isSafe(error, idempotent)) return false
  const most = idempotent ? maxIdempotentAttempts : maxAttempts
  if (attempt >= (soonGivenUp.includes(error.code) ? maxRefusedAttempts : most)) return false
  if (ofThisMember.includes(error.code)) return elsewhere
  return error.retriable || error.code === 'path_lost'
}

/** ms before try `attempt + 1`: exponential with equal jitter, so that callers of one lost member spread. */
export function retryPause(attempt: number, random: () => number): number {
  const most = Math.min(mostPauseMs, firstPauseMs * 2 ** (attempt - 1))
  return most / 2 + (random() * most) / 2
}
