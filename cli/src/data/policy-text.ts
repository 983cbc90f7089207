/** The text of a policy file, JSON or YAML (of which JSON is a part), with the line and column of all that is wrong in it. */
import { MeshError, misfits, policySchema, type Policy } from '@agent-mesh/protocol'
import { isAlias, isMap, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml'
import * as z from 'zod/mini'

/** `tests` may be left out of a file: then there are none. */
const fileSchema = z.extend(policySchema, {
  number: z.optional(z.int().check(z.nonnegative())),
  tests: z._default(policySchema.shape.tests, []),
})

/** Faults in one message. */
const told = 5

export interface PolicyFile {
  /** Of the policy it was made from; a write of another admin since then is a conflict. */
  number: number | undefined
  policy: Policy
  /** `line 3, column 7`, counted from 1, of a place in the policy like `['grants', 1]`. */
  placeOf: (path: readonly PropertyKey[]) => string
}

/** @param file as messages name it @throws MeshError invalid_argument with details `{ problems }` */
export function readPolicyText(text: string, file: string): PolicyFile {
  const lines = new LineCounter()
  const document = parsed(text, file, lines)
  const placeOf = (path: readonly PropertyKey[]) => placeAt(lines, offsetOf(document, path))
  const result = misfits(fileSchema, document.toJS({ maxAliasCount: 0 }))
  if ('misfits' in result)
    throw notPolicy(
      file,
      result.misfits.map(({ path, reason }) => {
        const place = path.length === 0 ? '' : `${path.map(String).join('.').slice(0, 64)}: `
        return `${placeOf(path)}: ${place}${reason}`
      }),
    )
  const { number, ...policy } = result.value
  return { number, policy, placeOf }
}

/** Its syntax is right, and it has no alias: no policy needs one, and `from: [*]` is meant to be '*'. */
function parsed(text: string, file: string, lines: LineCounter): Document {
  const problems: string[] = []
  const wrong = (offset: number, reason: string) => problems.push(`${placeAt(lines, offset)}: ${reason}`)
  try {
    const document: Document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
    for (const { pos, message } of [...document.errors, ...document.warnings]) wrong(pos[0], message)
    visit(document, {
      Alias: (_, alias) =>
        void wrong(alias.range?.[0] ?? 0, `an alias: write '*' in quotes for every member`),
    })
    if (problems.length === 0) return document
  } catch (error) {
    // Brackets nested too deep for the parser.
    if (!(error instanceof RangeError)) throw error
    problems.push('it is nested too deep')
  }
  throw notPolicy(file, problems)
}

function notPolicy(file: string, problems: readonly string[]): MeshError {
  const [first = 'it is not a policy', ...others] = problems
  return new MeshError('invalid_argument', `Cannot read policy ${file}: ${first}`, {
    details: { problems },
    ...(others.length > 0 && { hint: `Also: ${others.slice(0, told).join('; ')}` }),
  })
}

function placeAt(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${Math.max(1, line)}, column ${Math.max(1, col)}`
}

/** Where a value begins, a field that is unknown by its name; of one that is missing, what it is missing in. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node = document.contents as Node | null
  for (const [index, name] of path.entries()) {
    if (isMap(node) && index === path.length - 1) {
      const key = node.items.find(({ key }) => isScalar(key) && key.value === name)?.key as Node | undefined
      const value = node.get(name, true) as Node | undefined
      return (isAlias(value) ? undefined : value?.range?.[0]) ?? key?.range?.[0] ?? node.range?.[0] ?? 0
    }
    const inner = document.getIn(path.slice(0, index + 1).map(String), true) as Node | undefined
    if (inner === undefined) break
    node = inner
  }
  return node?.range?.[0] ?? 0
}
