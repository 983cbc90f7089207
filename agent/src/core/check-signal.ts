import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from './invalid-argument.ts'

/**
 * What cannot be cancelled is not begun. @param verb `call`, and `what`: calls pay for no text that is not needed
 * @throws MeshError `invalid_argument` for what is no AbortSignal
 */
export function checkSignal(signal: unknown, verb: string, what: string): void {
  const isObject = typeof signal === 'object' && signal !== null && 'aborted' in signal
  if (isObject && 'addEventListener' in signal && typeof signal.addEventListener === 'function') return
  throw invalidArgument(
    `${verb} ${what}`,
    `its signal is ${shownValue(signal)}, no AbortSignal`,
    'Pass the signal of an AbortController, or AbortSignal.timeout(ms).',
  )
}
