/** The answers of many members as a table: a column for each field, a row for each member. */
import type { LocalCallAllReply } from '@agent-mesh/protocol/local-api'

import type { Output } from './output.ts'
import { bytes, duration } from './units.ts'

export type Result = LocalCallAllReply['results'][number]

export interface Column {
  title: string
  /** Place in the value: `cpu.load.0`. */
  field: string
  /** @default text as it is, else JSON */
  show?: (value: unknown) => string
}

/** Columns of a table by default: as many as fit a terminal beside the member. */
const mostColumns = 6
/** Members of one object that are looked at. */
const mostFields = 64

const numberWith = (show: (value: number) => string) => (value: unknown) =>
  typeof value === 'number' ? show(value) : valueText(value)

/** The most useful fields of methods that every member serves. */
const wellKnown: Readonly<Record<string, readonly Column[]>> = {
  'host.info': [
    { title: 'HOST', field: 'hostname' },
    { title: 'OS', field: 'os.platform' },
    { title: 'ARCH', field: 'os.arch' },
    { title: 'CORES', field: 'cpu.cores' },
    { title: 'LOAD', field: 'cpu.load.0', show: numberWith(load => load.toFixed(2)) },
    { title: 'FREE MEMORY', field: 'memory.free', show: numberWith(bytes) },
    { title: 'FREE DISK', field: 'disk.free', show: numberWith(bytes) },
    { title: 'UP', field: 'uptime.agent', show: numberWith(seconds => duration(seconds * 1_000)) },
    { title: 'VERSION', field: 'versions.agent' },
  ],
}

/** @param fields those that are wanted; undefined: the well-known ones of `method`, else the first ones there are */
export function resultTable(
  method: string,
  results: readonly Result[],
  fields: readonly string[] | undefined,
  output: Output,
): string {
  const columns = fields?.map(column) ?? wellKnown[method.replace(/@\d+/, '')] ?? firstColumns(results)
  const failed = results.some(({ ok }) => !ok)
  return output.table(
    ['MEMBER', ...columns.map(({ title }) => title), ...(failed ? ['ERROR'] : [])],
    results.map(result => [
      result.name ?? result.peerId,
      ...columns.map(({ field, show = valueText }) => (result.ok ? show(at(result.value, field)) : '-')),
      ...(result.ok ? [] : [output.style('red', `${result.error.code}: ${result.error.message}`)]),
    ]),
  )
}

const column = (field: string): Column => ({ title: field.toUpperCase(), field })

/** The fields of the answers that are no objects, in their order; one column for all where the answers are none. */
function firstColumns(results: readonly Result[]): readonly Column[] {
  const answers = results.flatMap(result => (result.ok ? [result.value] : []))
  const fields = new Set(answers.flatMap(value => leavesOf(value)))
  if (fields.size === 0 || answers.some(value => !isObject(value))) return [{ title: 'RESULT', field: '' }]
  return [...fields].slice(0, mostColumns).map(column)
}

const leavesOf = (value: unknown, above = ''): string[] =>
  isObject(value)
    ? Object.entries(value)
        .slice(0, mostFields)
        .flatMap(([name, member]) =>
          isObject(member) && above === '' ? leavesOf(member, `${name}.`) : [`${above}${name}`],
        )
    : []

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a place: names of members and places of lists, with dots between. */
function at(value: unknown, field: string): unknown {
  if (field === '') return value
  return field
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
          ? (inner as Record<string, unknown>)[name]
          : undefined,
      value,
    )
}

function valueText(value: unknown): string {
  if (value === undefined) return '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
