import { isDeepStrictEqual } from 'node:util'
import type { Amendment, Enrolment } from './parts/enrolments.ts'

/** The enrolment with the changes applied; undefined when they change nothing. */
export function amended<E extends Enrolment>(
  found: E,
  { name = found.name, tags = found.tags, region = found.region }: Amendment,
): E | undefined {
  const next = { ...found, name, tags, ...(region === undefined ? {} : { region }) }
  return isDeepStrictEqual(next, found) ? undefined : next
}
