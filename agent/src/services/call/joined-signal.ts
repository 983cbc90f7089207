import { checkSignal } from '../../core/check-signal.ts'

/** Aborted with either. @throws MeshError `invalid_argument` as {@link checkSignal} */
export function joinedSignal(method: string, given: AbortSignal | undefined, own: AbortSignal): AbortSignal {
  if (given === undefined) return own
  checkSignal(given, 'call', method)
  return AbortSignal.any([given, own])
}
