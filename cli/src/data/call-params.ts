/** The params of a call from the command line: JSON, `@FILE`, `-`, or fields; so that a secret need not stand in it. */
import { inexactNumber } from '@agent-mesh/protocol/exact-json'
import { MeshError } from '@agent-mesh/protocol/errors'

import { commandDefaults } from '../defaults.ts'
import { readInput } from './read-input.ts'

/** `-f key=value` is text; `-F key=value` is JSON where it is JSON, `@FILE` or `@-`, else text. */
export interface Field {
  /** `['a', 'b', '']` of `a[b][]`; an empty one appends to an array. */
  path: readonly string[]
  value: string
  typed: boolean
}

type Branch = Map<string, Node> | Node[]
type Node = Branch | { value: unknown }

/** The message of `publish`. @param source JSON, `@FILE`, or `-` for standard input @throws MeshError as {@link readParams} */
export const readMessage = (source: string): Promise<unknown> => sourceValue(source, 'message')

/**
 * The params for the callee.
 * @param source JSON, `@FILE`, or `-` for standard input
 * @throws MeshError invalid_argument, not_found, too_large
 */
export async function readParams(source: string | undefined, fields: readonly Field[]): Promise<unknown> {
  if (source !== undefined && fields.length > 0)
    throw new MeshError('invalid_argument', 'Cannot call: the command line has both params and fields', {
      hint: 'Pass the params as JSON (text, @FILE or -), or as fields (-f, -F).',
    })
  if (source !== undefined) return sourceValue(source, 'params')
  if (fields.length === 0) return undefined
  const root: Branch = new Map<string, Node>()
  for (const field of fields) put(root, field, await fieldValue(field))
  return plain(root)
}

async function sourceValue(source: string, what: 'params' | 'message'): Promise<unknown> {
  const file = source === '-' ? '-' : source.startsWith('@') ? source.slice(1) : undefined
  const text = file === undefined ? source : await readInput(file, commandDefaults.localRequestBytes)
  const from = file === undefined ? what : file === '-' ? 'standard input' : file
  return parseExact(text, what, from, `read the ${what}`)
}

/** @param from names the text in errors @throws MeshError invalid_argument, also for a number that would become another */
export function parseExact(text: string, place: string, from: string, action = 'read the params'): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MeshError('invalid_argument', `Cannot ${action}: ${from} is not JSON`, {
      cause,
      hint: `In a shell, quote JSON: '{"a":1}'.${place === 'message' ? '' : ' Or pass fields: -f key=value.'}`,
    })
  }
  refuseInexact(text, place, action)
  return value
}

function refuseInexact(text: string, place: string, action: string): void {
  const inexact = inexactNumber(text, place)
  if (inexact === undefined) return
  throw new MeshError(
    'invalid_argument',
    `Cannot ${action}: ${inexact.place} is ${inexact.text.slice(0, 40)}, which would become ${Number(inexact.text)}`,
    { hint: 'Pass the number as text: in quotes, or with -f.' },
  )
}

async function fieldValue({ path, value, typed }: Field): Promise<unknown> {
  if (!typed) return value
  if (value.startsWith('@')) return readInput(value.slice(1), commandDefaults.localRequestBytes)
  try {
    JSON.parse(value)
  } catch {
    return value
  }
  return parseExact(value, path.join('.'), path.join('.'))
}

function put(root: Branch, { path }: Field, value: unknown): void {
  let branch = root
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1
    const node: Node = last ? { value } : path[depth + 1] === '' ? [] : new Map<string, Node>()
    branch = step(branch, key, node, path.slice(0, depth + 1)) as Branch
  }
}

/** The child of that key, made when it is missing. @throws MeshError invalid_argument when it is of another kind */
function step(branch: Branch, key: string, made: Node, path: readonly string[]): Node {
  if (Array.isArray(branch) !== (key === '')) throw twoKinds(path)
  if (Array.isArray(branch)) {
    branch.push(made)
    return made
  }
  const known = branch.get(key)
  if (known === undefined) {
    branch.set(key, made)
    return made
  }
  const isBranch = (node: Node) => Array.isArray(node) || node instanceof Map
  if (!isBranch(known) || !isBranch(made) || Array.isArray(known) !== Array.isArray(made))
    throw twoKinds(path)
  return known
}

const twoKinds = (path: readonly string[]): MeshError =>
  new MeshError('invalid_argument', `Cannot read the params: field ${path.join('.')} has two values`, {
    hint: 'key=value for a text, key[sub]=value for an object, key[]=value for each item of an array.',
  })

/** Own properties alone, whatever they are called. */
function plain(node: Node): unknown {
  if (Array.isArray(node)) return node.map(plain)
  if (node instanceof Map) return Object.fromEntries([...node].map(([key, child]) => [key, plain(child)]))
  return node.value
}
