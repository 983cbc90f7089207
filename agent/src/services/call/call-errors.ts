/** Errors of calls that never reached a handler, and results that do not fit. */
import { asStarted, MeshError, toMeshError } from '@agent-mesh/protocol'
import type { MethodContract } from '../contract/contract.ts'
import { checkedValue } from '../contract/validate.ts'
import type { Plan } from './plan.ts'

export const noTimeLeft = ({ method }: Plan): MeshError =>
  new MeshError('deadline_exceeded', `Cannot call ${method}: no time is left`, { notStarted: true })

/** The error of a call without a further try: `deadline_exceeded` where its path was lost and its time is over. */
export function lateOr(error: MeshError, { method, deadline }: Plan, now: number): MeshError {
  if (error.code !== 'path_lost' || error.told || now < deadline) return error
  return new MeshError('deadline_exceeded', `Cannot call ${method}: no answer in time`, { cause: error })
}

/** Nothing was written: another member may be asked, also when only the share of the dial is used up. */
export function notReached(plan: Plan, thrown: unknown, dialUntil: number): MeshError {
  const { method, deadline, signal } = plan
  if (signal?.aborted === true) return asStarted(cancelled(plan), false)
  const error = asStarted(toMeshError(thrown, 'internal', `call ${method}`), false)
  if (error.code !== 'deadline_exceeded') return error
  if (dialUntil !== deadline)
    return new MeshError('unavailable', error.message, { cause: error, notStarted: true })
  const { message, hint, details } = error
  // A program with many calls must see which one was late.
  return new MeshError(
    'deadline_exceeded',
    `Cannot call ${method}: ${message[0]!.toLowerCase()}${message.slice(1)}`,
    {
      ...{ cause: error, notStarted: true },
      ...(hint !== undefined && { hint }),
      ...(details !== undefined && { details }),
    },
  )
}

export const calleeFull = ({ method }: Plan, inFlight: number): MeshError =>
  new MeshError('overloaded', `Cannot call ${method}: ${inFlight} calls to its provider are in flight`, {
    notStarted: true,
    hint: 'Make fewer calls at a time, or set resilience.perCallee.',
  })

export const cancelled = ({ method, signal }: Plan): MeshError =>
  new MeshError('cancelled', `Cannot call ${method}: cancelled by the caller`, { cause: signal?.reason })

/** @param lately a member served it a moment ago; else its details are `{ providers: 0 }`, so that callers can distinguish it from an outage */
export const noProvider = ({ method, service }: Plan, lately: boolean): MeshError =>
  new MeshError('unavailable', `Cannot call ${method}: no known member serves ${service}`, {
    hint: 'List services and their providers with "agent-mesh services".',
    ...(!lately && { details: { providers: 0 } }),
  })

/** @throws MeshError `protocol_error` for a result that does not fit its contract; a promise where the schema is asynchronous */
export function checkedResult(contract: MethodContract, value: unknown, method: string): unknown {
  const checked = contract.result['~standard'].validate(value)
  if (!(checked instanceof Promise))
    return checkedValue(checked, 'protocol_error', 'use the result of', method)
  return checked.then(result => checkedValue(result, 'protocol_error', 'use the result of', method))
}

/** A call that its caller cancelled needs no fallback; one that cannot be made as it is written must not seem to work. */
export const fallbackTo =
  (fallback: (error: MeshError) => unknown) =>
  (error: MeshError): unknown => {
    if (error.code === 'cancelled' || (error.code === 'invalid_argument' && !error.told)) throw error
    return fallback(error)
  }

/** A call to one member that was revoked meanwhile: its link did not just break. */
export function revokedOr(thrown: unknown): unknown {
  const { cause } = thrown as Error
  if (!(thrown instanceof MeshError && cause instanceof MeshError && cause.code === 'revoked')) return thrown
  return new MeshError('revoked', thrown.message, { cause, notStarted: thrown.notStarted })
}
