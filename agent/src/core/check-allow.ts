import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from './invalid-argument.ts'

/** @throws MeshError `invalid_argument` for what is no list of selectors: it would let no member in, without a word */
export function checkAllow(allow: unknown, action: string): void {
  if (allow === undefined) return
  if (!Array.isArray(allow)) throw invalidArgument(action, `allow is ${shownValue(allow)}, no list`)
  const { pattern, not } = fieldForms.selector
  for (const selector of allow as readonly unknown[])
    if (typeof selector !== 'string' || !pattern.test(selector))
      throw invalidArgument(action, `${shownValue(selector)} ${not}`)
}
