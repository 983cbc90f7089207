/** `--log-format pretty`: a line of the log for people. What members sent is escaped: it neither steers the terminal nor forges a line. */
import { printable } from '@agent-mesh/protocol/printable'
import { styleText } from 'node:util'

import type { Style } from './text.ts'

/** Fields that have a place of their own, or say nothing to people. */
const shown = new Set(['time', 'level', 'name', 'pid', 'event', 'msg', 'err'])

const levels = new Map<unknown, readonly [name: string, style: Style]>([
  [20, ['DEBUG', 'dim']],
  [30, ['INFO', 'green']],
  [40, ['WARN', 'yellow']],
  [50, ['ERROR', 'red']],
])

/** @param paint styles text that is escaped @returns one line without its end: time, level, process, event, text, fields */
export function prettyLine(
  json: string,
  paint: (style: Style, text: string) => string = (style, text) =>
    styleText(style, text, { stream: process.stderr }),
): string {
  const line = JSON.parse(json) as Record<string, unknown>
  const [level, style] = levels.get(line['level']) ?? ['', 'reset']
  const facts = Object.entries(line).filter(([name]) => !shown.has(name))
  return [
    paint('dim', timeOf(line['time'])),
    paint(style, level.padEnd(5)),
    printable(`${textOf(line['name'])} ${textOf(line['event'] ?? '-')}:`),
    paint('bold', printable(textOf(line['msg'] ?? ''))),
    ...[...facts, ...errorFacts(line['err'])].map(
      ([name, value]) => `${paint('dim', `${printable(name)}=`)}${printable(quoted(value))}`,
    ),
  ].join(' ')
}

/** Of this machine's zone. */
function timeOf(time: unknown): string {
  const date = new Date(Number(time))
  const two = (count: number, digits = 2) => String(count).padStart(digits, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => two(part)).join(':')
  return `${clock}.${two(date.getMilliseconds(), 3)}`
}

/** Message, code and hint; the stack is in the JSON lines only. */
function errorFacts(err: unknown): [string, unknown][] {
  if (typeof err !== 'object' || err === null) return err === undefined ? [] : [['err', err]]
  const { message, code, hint } = err as Record<string, unknown>
  return Object.entries({ err: message, code, hint }).filter(([, value]) => value !== undefined)
}

/** A value with spaces is quoted, so that each field has an end. */
function quoted(value: unknown): string {
  const text = textOf(value)
  return typeof value === 'string' && /^[^\s"=]+$/.test(text) ? text : JSON.stringify(value)
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
