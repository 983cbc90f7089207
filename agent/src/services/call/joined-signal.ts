/** The signals of callers: a program without types may pass anything. */
import { MeshError } from '@agent-mesh/protocol'

/** @throws MeshError `invalid_argument` for what is no AbortSignal: a call that cannot be cancelled is not begun */
export function checkSignal(method: string, signal: unknown): void {
  const isObject = typeof signal === 'object' && signal !== null && 'aborted' in signal
  if (isObject && 'addEventListener' in signal && typeof signal.addEventListener === 'function') return
  const what = signal === null ? 'null' : `a ${typeof signal}`
  throw new MeshError('invalid_argument', `Cannot call ${method}: its signal is ${what}, no AbortSignal`, {
    hint: 'Pass the signal of an AbortController, or AbortSignal.timeout(ms).',
  })
}

/** Aborted with either. @throws MeshError `invalid_argument` as {@link checkSignal} */
export function joinedSignal(method: string, given: AbortSignal | undefined, own: AbortSignal): AbortSignal {
  if (given === undefined) return own
  checkSignal(method, given)
  return AbortSignal.any([given, own])
}
