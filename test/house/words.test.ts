/** The words of the style: texts for users and comments use the terms of the field. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')

/** Words to avoid, and what to write instead. */
const avoided: readonly (readonly [RegExp, string])[] = [
  [/\b(?:whoever|somebody|everybody)\b/i, 'the caller, another process, all members'],
  [/\bfor ever\b/i, 'permanently'],
  [/\bputs? out\b/i, 'revoke, evict, disconnect'],
  [/\btak(?:e|es|en|ing) up\b/i, 'accept, adopt, restore, resume'],
  [/\bgiv(?:e|es|en|ing) out\b/i, 'issue, grant'],
  [/\b(?:is|are) away\b/i, 'unreachable, offline, unavailable'],
  [/\bgo(?:es)? on with\b/i, 'continue, resume'],
  [/\btold\b/i, 'reported, sent, shown'],
  [/\bnewcomers?\b/i, 'new member'],
]

const found = (text: string, words = avoided): string[] =>
  words.flatMap(([word, instead]) => {
    const [match] = word.exec(text) ?? []
    return match === undefined ? [] : [`"${match}", write: ${instead}`]
  })

/** Code and the names of tests that security.md quotes keep their words. */
const prose = (markdown: string): string =>
  markdown.replaceAll(/```[^]*?```|`[^`]*`|\[[^\]]*\]\(\.\.\/[^)]*\)/g, whole =>
    whole.replaceAll(/[^\n]/g, ''),
  )

/** The texts of a source that have a space: an identifier has none. */
function texts(file: string): { line: number; text: string }[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  const all: { line: number; text: string }[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      if (node.text.includes(' '))
        all.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, text: node.text })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return all
}

/** Of comments alone: error texts say `nobody` where they mean any member at all. */
const avoidedInComments: typeof avoided = [
  ...avoided,
  [/\b(?:nobody|anybody)\b/i, 'no member, no process, a peer'],
  [/\bwho is there\b/i, 'lease holder, primary, standby'],
]

/** Rooms whose comments are held to the table. */
const commented = [
  'agent',
  'cli',
  'infra',
  'relay',
  'protocol',
  'bench',
  'lambdas',
  'test',
  'examples',
  'deploy',
]

/** The comments of a source: they are not nodes of its tree, but stand before its tokens. */
function comments(file: string): { line: number; text: string }[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  const all = new Map<number, { line: number; text: string }>()
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(source.text, node.pos) ?? [])
      all.set(pos, {
        line: source.getLineAndCharacterOfPosition(pos).line + 1,
        text: prose(source.text.slice(pos, end).replaceAll(/\n\s*\*/g, '')),
      })
    for (const child of node.getChildren(source)) visit(child)
  }
  visit(source)
  return [...all.values()]
}

test('the pages of users have none of the words that the style avoids', () => {
  const pages = globSync(['README.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/*.md'], { cwd: checkout })
  expect(pages.length).toBeGreaterThan(10)
  const faults = pages.flatMap(file =>
    prose(read(file))
      .split('\n')
      .flatMap((line, i) => found(line).map(fault => `${file}:${i + 1}: ${fault}`)),
  )
  expect(faults).toEqual([])
})

test('help, outputs and errors of the command, and the API description, have none of them', () => {
  const files = globSync(['cli/src/**/*.ts', 'protocol/src/api/*.ts'], { cwd: checkout }).filter(
    file => !file.endsWith('.test.ts'),
  )
  expect(files.length).toBeGreaterThan(100)
  const faults = files.flatMap(file =>
    texts(file).flatMap(({ line, text }) => found(text).map(fault => `${file}:${line}: ${fault}`)),
  )
  expect(faults).toEqual([])
})

test('comments have none of them', () => {
  const files = globSync(
    commented.map(room => `${room}/**/*.ts`),
    { cwd: checkout, exclude: ['**/node_modules', '**/dist'] },
  )
  expect(files.length).toBeGreaterThan(400)
  // Most have none anywhere, and need no parser.
  const suspects = files.filter(file => found(read(file), avoidedInComments).length > 0)
  const faults = suspects.flatMap(file =>
    comments(file).flatMap(({ line, text }) =>
      found(text, avoidedInComments).map(fault => `${file}:${line}: ${fault}`),
    ),
  )
  expect(faults).toEqual([])
})

test('the check sees a word in prose, in a text and in a template, and none in code', () => {
  expect(found(prose('Somebody is told `told`'))).toHaveLength(2)
  expect(prose('[whoever asks](../test/a.test.ts) `newcomer`').trim()).toBe('')
  expect(comments('test/house/words.test.ts')[0]?.text).toContain('The words of the style')
  expect(texts('cli/src/commands/leave.ts').some(({ text }) => text.includes('left mesh'))).toBe(true)
})
