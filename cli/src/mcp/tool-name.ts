/** Names of tools: at most 64 of `[a-zA-Z0-9_-]`, which is what assistants accept. */
import { createHash } from 'node:crypto'

const mostChars = 64
const hashChars = 8

/**
 * `math__add` of the method `add` of `math`; dots of a service become `_`. Service names have no `_`, so that two methods never share a
 * name; one that is too long ends in a hash.
 */
export function toolName(service: string, method: string): string {
  const name = `${service.replaceAll('.', '_')}__${method}`
  if (name.length <= mostChars) return name
  const hash = createHash('sha256').update(`${service}.${method}`).digest('hex').slice(0, hashChars)
  return `${name.slice(0, mostChars - hashChars - 1)}-${hash}`
}
