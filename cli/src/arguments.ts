import { refusalOf, type AddressUse } from '@agent-mesh/agent/member/address-form'
import { readDuration } from '@agent-mesh/protocol/duration'
import { InvalidArgumentError } from 'commander'

import type { Field } from './data/call-params.ts'

/** Parsers of options and arguments; each throws what commander shows as a usage error (exit code 2). */

/** `500ms`, `5s`, `10m`, `24h`, `7d`, to whole milliseconds. */
export function parseDuration(text: string): number {
  const ms = readDuration(text)
  if (ms === undefined)
    throw new InvalidArgumentError(
      'It is not a duration: write a number and a unit, like 500ms, 5s, 10m, 24h, 7d.',
    )
  return Math.max(1, Math.round(ms))
}

/** Lifetime of a token, ms: from a second to a year. */
export function parseLifetime(text: string): number {
  const ms = parseDuration(text)
  if (ms >= 1_000 && ms <= 365 * 24 * 3_600_000) return ms
  throw new InvalidArgumentError('It is not between 1s and 365d.')
}

/** Interval of a repetition, ms: 100 ms at least, so that the process is not busy with it. */
export function parseInterval(text: string): number {
  const ms = parseDuration(text)
  if (ms < 100 || ms > 86_400_000) throw new InvalidArgumentError('It is not between 100ms and 24h.')
  return ms
}

/** `hostname,cpu.load.0` */
export function parseFields(text: string): string[] {
  const fields = text.split(',').map(field => field.trim())
  if (fields.length > 32 || !fields.every(field => /^[^\s.]{1,64}(?:\.[^\s.]{1,64}){0,7}$/.test(field)))
    throw new InvalidArgumentError(
      'It is not a list of 1 to 32 names with commas between, like hostname,cpu.load.0.',
    )
  return fields
}

/** A whole number of `least` to `most`. */
export const countUpTo =
  (most: number, least = 1) =>
  (text: string): number => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It is not a whole number from ${least} to ${most.toLocaleString('en')}.`)
  }

export const parseCount = countUpTo(1_000_000)

/** A limit that 0 lifts. */
export function parseLimit(text: string): number {
  const number = Number(text)
  if (!/^\d+(?:\.\d+)?$/.test(text) || number > 1_000_000)
    throw new InvalidArgumentError('It is not a number from 0 to 1,000,000.')
  return number
}

/** A UDP port that has a next one; 0 for none. */
export function parseStunPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_534)
    throw new InvalidArgumentError('It is neither a port from 1 to 65534 nor 0.')
  return port
}

/** JSON, `@FILE` or `-`: only JSON can be checked before anything is read. */
export function parseParams(text: string): string {
  if (text === '-' || (text.startsWith('@') && text.length > 1)) return text
  try {
    JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`It is neither JSON, @FILE nor -. In a shell, quote JSON: '{"a":1}'.`)
  }
  return text
}

/** A file, or `-`. An empty variable in a shell line makes the next option the value: that is refused. */
export function parseFile(text: string): string {
  if (text === '' || (text.startsWith('-') && text !== '-'))
    throw new InvalidArgumentError('It is neither a file nor - (standard input).')
  return text
}

/** A folder: none that a variable without a value leaves. */
export function parseFolder(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is not the name of a folder.')
  return text
}

/** A file to write, completely or not at all, as standard output cannot be. */
export function parseNewFile(text: string): string {
  if (text === '' || text.startsWith('-'))
    throw new InvalidArgumentError('It is not the name of a file to write.')
  return text
}

/** Adds `key=value`, `key[sub]=value` or `key[]=value` to `fields`, which two options share so that their order stays. */
export const collectFields =
  (fields: Field[], typed: boolean) =>
  (text: string): Field[] => {
    const [, key, subs = '', value] = /^([^=[\]]+)((?:\[[^[\]]*\])*)=(.*)$/s.exec(text) ?? []
    if (key === undefined || value === undefined || (typed && value === '@'))
      throw new InvalidArgumentError(
        'It is not key=value; write key[sub]=value in an object, key[]=value in an array.',
      )
    const path = [key, ...Array.from(subs.matchAll(/\[([^\]]*)\]/g), ([, sub = '']) => sub)]
    fields.push({ path, value, typed })
    return fields
  }

/** `TOKEN`, `@FILE` or `-`. An empty variable in a shell line makes the next option the value: that is refused. */
export function parseJoin(text: string): string {
  if (text === '' || text === '@' || (text.startsWith('-') && text !== '-'))
    throw new InvalidArgumentError('It is neither a join token, @FILE nor - (standard input).')
  return text
}

/** An address to listen on or to announce, of an option that may be given several times. */
export const collectAddress =
  (use: AddressUse) =>
  (text: string, before: readonly string[] | false | undefined): string[] => {
    const refusal = refusalOf(text, use)
    if (refusal === undefined) return collect(text, before)
    throw new InvalidArgumentError(`It ${refusal}.`)
  }

/** For options that may be given several times. */
export const collect = (value: string, before: readonly string[] | false | undefined): string[] => [
  ...(before || []),
  value,
]

/** `HOST:PORT`, `[::1]:8440`; a port alone is one of this machine, `:8440` and `*:8440` are all its addresses. */
export function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]:|([\w.-]+|\*?):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535)
    throw new InvalidArgumentError('It is not HOST:PORT, like 127.0.0.1:8440 or [::1]:8440.')
  const host = bracketed ?? plain ?? '127.0.0.1'
  return { host: host === '' || host === '*' ? '0.0.0.0' : host, port }
}

/** Where the gateway listens: an address of this machine that no other can reach. */
export function parseLoopback(text: string): { host: string; port: number } {
  const { host, port } = parseListen(text)
  if (host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)) return { host, port }
  throw new InvalidArgumentError(
    'It is no loopback address: the gateway serves programs of this machine alone, at 127.0.0.1 or [::1].',
  )
}
