/** Each log call names an event of the table at its level, and each event of the table is logged. */
import { logEvents } from '@agent-mesh/protocol/log-events'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const sources = globSync('{agent,relay,lambdas,cli}/src/**/*.ts', { cwd: checkout }).filter(
  file => !file.endsWith('.test.ts'),
)
const table = new Map<string, string>(
  Object.values(logEvents).flatMap(events =>
    Object.entries(events).map(([name, [level]]): [string, string] => [name, level]),
  ),
)

interface Logged {
  readonly at: string
  readonly level: string
  /** None when the call names no event. */
  readonly names: readonly string[]
}

/** `log.warn({ event: 'name', … }, …)`, `this.#log.warn(…)`, and `const event = … ? 'name' : 'other'` before it. */
function logged(file: string, text: string): Logged[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Logged[] = []
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit)
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
    const { name, expression } = node.expression
    if (!/^(?:debug|info|warn|error)$/.test(name.text) || !/log$/i.test(expression.getText())) return
    const [first] = node.arguments
    // A wrapper passes on what its caller named.
    if (first !== undefined && ts.isSpreadElement(first)) return
    const { line } = source.getLineAndCharacterOfPosition(node.getStart())
    found.push({ at: `${file}:${line + 1}`, level: name.text, names: eventNames(first, source) })
  }
  visit(source)
  return found
}

function eventNames(fields: ts.Node | undefined, source: ts.SourceFile): string[] {
  if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return []
  const event = fields.properties.find(property => property.name?.getText() === 'event')
  if (event === undefined) return []
  return strings(ts.isPropertyAssignment(event) ? event.initializer : variable('event', source))
}

function variable(name: string, source: ts.SourceFile): ts.Node {
  let found: ts.Node = source
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) found = node.initializer ?? node
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The values of a literal, or of a choice between literals. */
function strings(node: ts.Node): string[] {
  if (ts.isStringLiteral(node)) return [node.text]
  if (ts.isConditionalExpression(node)) return [...strings(node.whenTrue), ...strings(node.whenFalse)]
  return []
}

const calls = sources.flatMap(file => logged(file, readFileSync(join(checkout, file), 'utf8')))

test('each log call names events of protocol/src/log-events at its level', () => {
  const wrong = calls.filter(
    ({ level, names }) => names.length === 0 || names.some(name => table.get(name) !== level),
  )
  expect(wrong).toEqual([])
  expect(calls.length).toBeGreaterThan(100)
})

test('each event of protocol/src/log-events is logged', () => {
  const names = new Set(calls.flatMap(call => call.names))
  expect([...table.keys()].filter(name => !names.has(name))).toEqual([])
})

test('a call without an event, and one at another level, are found', () => {
  const found = logged('a.ts', `log.warn({ err }, 'x'); this.#log.info({ event: 'key-cloned' }, 'y')`)
  expect(found).toEqual([
    { at: 'a.ts:1', level: 'warn', names: [] },
    { at: 'a.ts:1', level: 'info', names: ['key-cloned'] },
  ])
  expect(table.get('key-cloned')).toBe('warn')
})
