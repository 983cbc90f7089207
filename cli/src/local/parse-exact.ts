import { MeshError } from '@agent-mesh/protocol/errors'
import { inexactNumber } from '@agent-mesh/protocol/exact-json'
import { parseJson } from '@agent-mesh/protocol/parse'
import type * as z from 'zod/mini'

/** @throws MeshError invalid_argument, also for a number that would become another */
export function parseExact<S extends z.core.$ZodType>(
  schema: S,
  text: string,
  action: string,
  place: string,
): z.output<S> {
  const value = parseJson(schema, text, action)
  const inexact = inexactNumber(text, place)
  if (inexact === undefined) return value
  throw new MeshError(
    'invalid_argument',
    `Cannot ${action}: ${inexact.place} is ${inexact.text.slice(0, 40)}, which JavaScript cannot represent`,
    { hint: 'Send the number as text.' },
  )
}
