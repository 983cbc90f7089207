/** Options of a request in headers (`Mesh-Timeout: 5s`) or in the query (`?timeout=5s`); a header wins. */
import { longestDurationMs, readDuration } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'

import type { HandledRequest } from '../local/handler-server.ts'

type Asked = Pick<HandledRequest, 'headers' | 'query'>

/**
 * @param mostChars of the options that there are @param action for errors: `call`
 * @throws MeshError invalid_argument for one that is unknown, in the query twice, empty or too long
 */
export function requestOptions<Name extends string>(
  { headers, query }: Asked,
  mostChars: Readonly<Record<Name, number>>,
  action: string,
): Partial<Record<Name, string>> {
  const names = Object.keys(mostChars) as Name[]
  const refused = (reason: string, hint?: string) =>
    new MeshError('invalid_argument', `Cannot ${action}: ${reason}`, hint === undefined ? {} : { hint })
  for (const name of query.keys()) {
    if (!names.includes(name as Name))
      throw refused(`'${name.slice(0, 40)}' is not an option`, `The options are ${names.join(', ')}.`)
    if (query.getAll(name).length > 1) throw refused(`${name} is in the query more than once`)
  }
  const given: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const header = headers[`mesh-${name}`]
    const text = typeof header === 'string' ? header : (query.get(name) ?? undefined)
    if (text === undefined) continue
    if (text === '' || text.length > mostChars[name]) throw notA(action, name, text)
    given[name] = text
  }
  return given
}

/** @throws MeshError invalid_argument */
export function milliseconds(text: string, action: string): number {
  const ms = readDuration(text)
  if (ms === undefined || ms < 1 || ms > longestDurationMs)
    throw notA(action, 'timeout', text, 'Write it as 500ms, 5s or 2m.')
  return Math.round(ms)
}

/** @throws MeshError invalid_argument */
export function truth(text: string, action: string, name: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw notA(action, name, text, 'Write true or false.')
}

export const notA = (action: string, name: string, text: string, hint?: string): MeshError =>
  new MeshError('invalid_argument', `Cannot ${action}: '${text.slice(0, 40)}' is no value of ${name}`, {
    ...(hint !== undefined && { hint }),
  })
