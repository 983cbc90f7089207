import { isDeepStrictEqual } from 'node:util'
import type { Amendment, Enrolment } from './parts/enrolments.ts'

/** The enrolment with what is to change of it; undefined when it is so already. */
export function amended<E extends Enrolment>(
  found: E,
  { name = found.name, tags = found.tags, region = found.region }: Amendment,
): E | undefined {
  const next = { ...found, name, tags, ...(region === undefined ? {} : { region }) }
  return isDeepStrictEqual(next, found) ? undefined : next
}
