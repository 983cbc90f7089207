import { checkOptions } from './option-names.ts'
import { checkSignal } from './check-signal.ts'

/**
 * Options of what can be aborted, as programs without types pass them.
 * @param verb `ping`, and `what`: `web-1`
 * @throws MeshError invalid_argument for what are no options, for one that there is not, and for a signal that is none
 */
export function checkAbortable(
  options: { readonly signal?: unknown },
  known: readonly string[],
  verb: string,
  what: string,
): void {
  checkOptions(options, known, `${verb} ${what}`)
  if (options.signal !== undefined) checkSignal(options.signal, verb, what)
}
