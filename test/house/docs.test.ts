import { createAgent, type MeshError } from '@agent-mesh/agent'
import { Linter } from 'eslint'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parser } from 'typescript-eslint'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')
const benches = read('bench/src/benches.ts')
const pages = globSync('{*.md,docs/**/*.md}', { cwd: checkout })

/** The anchors that a page offers, as GitHub makes them of its headings. */
const anchors = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

test.each(pages)('%s links only to what is there', page => {
  for (const [, target = '', anchor] of read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
    const file = target === '' ? page : join(dirname(page), target)
    expect(existsSync(join(checkout, file)), file).toBe(true)
    if (anchor !== undefined) expect(anchors(file), file).toContain(anchor)
  }
})

test.each(pages)('%s names only npm scripts and benches that exist', page => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const text = read(page)
  for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g))
    expect(Object.keys(scripts)).toContain(script)
  for (const [, bench = ''] of text.matchAll(/npm run bench -- (\w[\w-]*)/g))
    expect(benches, bench).toMatch(new RegExp(`^  '?${bench}'?[:,]`, 'm'))
})

/** The code of a page, from top to bottom; pages that import nothing show pieces. */
const programs = pages.flatMap(page => {
  const code = [...read(page).matchAll(/```ts\n([^]*?)```/g)].map(([, block = '']) => block).join('\n')
  return /^import .* from '@agent-mesh\/agent/m.test(code) ? [{ page, code }] : []
})

test('there are pages with programs', () => expect(programs.length).toBeGreaterThan(4))

test.each(programs)('the code of $page declares each name that it uses', ({ code }) => {
  const globals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map(name => [name, false]))
  const config = { languageOptions: { parser, globals }, rules: { 'no-undef': 'error' } } as const
  const found = new Linter().verify(code, [{ files: ['**/*.ts'], ...config }], 'page.ts')
  expect(found.map(({ message }) => message)).toEqual([])
})

test('docs/services.md has every option of createAgent', async () => {
  const { hint = '' } = (await createAgent({ data: '', isNoOption: 1 } as never).catch(
    (error: MeshError) => error,
  )) as MeshError
  const [, names = ''] = /^The options are (.*)\.$/.exec(hint) ?? []
  const rows =
    read('docs/services.md')
      .match(/^\| `.*/gm)
      ?.map(row => row.split(' | ')[0]) ?? []
  const missing = names.split(', ').filter(name => !rows.some(row => row?.includes(`\`${name}\``)))
  expect([names.length > 100, missing]).toEqual([true, []])
})

test('decisions have a number each, and are listed', () => {
  const files = pages.filter(page => /^docs\/adr\/\d/.test(page)).map(page => basename(page))
  const numbers = files.map(file => file.slice(0, 4))
  expect(new Set(numbers).size).toBe(numbers.length)
  const list = read('docs/adr/README.md')
  for (const file of files) expect(list).toContain(`| [${file.slice(0, 4)}](${file}) |`)
})
