import { readDuration } from '@agent-mesh/protocol/duration'
import { inexactNumber } from '@agent-mesh/protocol/exact-json'
import { InvalidArgumentError } from 'commander'

/** Parsers of options and arguments; each throws what commander shows as a usage error (exit code 2). */

/** `500ms`, `5s`, `10m`, `24h`, `7d`, to milliseconds. */
export function parseDuration(text: string): number {
  const ms = readDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('It is a number and a unit: 500ms, 5s, 10m, 24h, 7d.')
  return ms
}

export function parseCount(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('It is a whole number from 1 on.')
  return number
}

/** A limit that 0 lifts. */
export function parseLimit(text: string): number {
  const number = Number(text)
  if (!/^\d+(?:\.\d+)?$/.test(text) || number > 1_000_000)
    throw new InvalidArgumentError('It is a number up to 1,000,000; 0 for no limit.')
  return number
}

/** A UDP port that has a next one; 0 for none. */
export function parseStunPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_534)
    throw new InvalidArgumentError('It is a port up to 65534, or 0 to go without.')
  return port
}

export function parseJsonArgument(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`It is not JSON. In a shell, quote it: '{"a":1}'.`)
  }
  const inexact = inexactNumber(text, 'params')
  if (inexact !== undefined)
    throw new InvalidArgumentError(
      `${inexact.place} is ${inexact.text.slice(0, 40)}, which would become ${Number(inexact.text)}. Give it as text, in quotes.`,
    )
  return value
}

/** `TOKEN`, `@FILE` or `-`. An empty variable in a shell line makes the next option the value: that is refused. */
export function parseJoin(text: string): string {
  if (text === '' || text === '@' || (text.startsWith('-') && text !== '-'))
    throw new InvalidArgumentError('It is a join token, @FILE, or - for standard input.')
  return text
}

/** For options that may be given several times. */
export const collect = (value: string, before: readonly string[] | false | undefined): string[] => [
  ...(before || []),
  value,
]

/** `HOST:PORT`, `[::1]:8440`, `:8440` or `8440`. */
export function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain = '', digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]:|([\w.-]*):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535)
    throw new InvalidArgumentError('It is HOST:PORT, like 127.0.0.1:8440 or [::1]:8440.')
  const named = bracketed ?? plain
  return { host: named === '' ? '0.0.0.0' : named, port }
}
