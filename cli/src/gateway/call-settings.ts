/** Options of a call in headers (`Mesh-Timeout: 5s`) or in the query (`?timeout=5s`); a header wins. */
import type { IncomingHttpHeaders } from 'node:http'

import { longestDurationMs, readDuration } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'

export interface CallSettings {
  peer?: string
  /** ms */
  timeout?: number
  key?: string
  idempotent?: boolean
}

const mostChars = { peer: 128, timeout: 32, key: 1_024, idempotent: 5 } as const
type Name = keyof typeof mostChars
const names = Object.keys(mostChars) as Name[]

/** @throws MeshError invalid_argument for one that is unknown, or has no such value */
export function callSettings(headers: IncomingHttpHeaders, query: URLSearchParams): CallSettings {
  for (const name of query.keys()) {
    if (!names.includes(name as Name))
      throw new MeshError('invalid_argument', `Cannot call: '${name.slice(0, 40)}' is not an option`, {
        hint: `The options are ${names.join(', ')}.`,
      })
    if (query.getAll(name).length > 1)
      throw new MeshError('invalid_argument', `Cannot call: ${name} is in the query more than once`)
  }
  const given = (name: Name): string | undefined => {
    const header = headers[`mesh-${name}`]
    const text = typeof header === 'string' ? header : (query.get(name) ?? undefined)
    if (text !== undefined && (text === '' || text.length > mostChars[name])) throw notA(name, text)
    return text
  }
  const [peer, timeout, key, idempotent] = names.map(given)
  return {
    ...(peer !== undefined && { peer }),
    ...(timeout !== undefined && { timeout: milliseconds(timeout) }),
    ...(key !== undefined && { key }),
    ...(idempotent !== undefined && { idempotent: truth(idempotent) }),
  }
}

function milliseconds(text: string): number {
  const ms = readDuration(text)
  if (ms === undefined || ms < 1 || ms > longestDurationMs)
    throw notA('timeout', text, 'Write it as 500ms, 5s or 2m.')
  return Math.round(ms)
}

function truth(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw notA('idempotent', text, 'Write true or false.')
}

const notA = (name: Name, text: string, hint?: string) =>
  new MeshError('invalid_argument', `Cannot call: '${text.slice(0, 40)}' is no value of ${name}`, {
    ...(hint !== undefined && { hint }),
  })
