import { MeshError } from '@agent-mesh/protocol'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { shownValue } from '@agent-mesh/protocol/shown-value'

/** @throws MeshError `invalid_argument` for what is no list of selectors: it would let no member in, without a word */
export function checkAllow(allow: unknown, action: string): void {
  if (allow === undefined) return
  if (!Array.isArray(allow))
    throw new MeshError('invalid_argument', `Cannot ${action}: allow is ${shownValue(allow)}, no list`)
  const { pattern, not } = fieldForms.selector
  for (const selector of allow as readonly unknown[])
    if (typeof selector !== 'string' || !pattern.test(selector))
      throw new MeshError('invalid_argument', `Cannot ${action}: ${shownValue(selector)} ${not}`)
}
