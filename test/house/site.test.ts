/** What `npm run docs` builds (minutes with its tools; `.ci/nightly`), as far as it can be seen without building. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { anchorOf, drawDiagrams, linkSources } from '../../site/markdown.ts'
import { addressOf, groups } from '../../site/pages.ts'

const checkout = join(import.meta.dirname, '..', '..')
const listed = groups.flatMap(({ pages }) => Object.keys(pages))

test('the navigation has each page of docs/ and of the root once', () => {
  const pages = globSync('{*.md,docs/*.md}', { cwd: checkout }).map(page => page.replace(/\.md$/, ''))
  const written = [...pages, 'docs/adr/README', 'site/api/index']
  expect([...listed].sort(), 'each page stands in a group of site/pages.ts').toEqual(written.sort())
})

test('the navigation leads to pages that exist', () => {
  const missing = listed.filter(
    page => page !== 'site/api/index' && !existsSync(join(checkout, `${page}.md`)),
  )
  expect(missing).toEqual([])
})

test.each([
  ['README', '/README'],
  ['docs/calls', '/docs/calls'],
  ['site/api/index', '/api/'],
  ['site/index', '/'],
])('%s has the address %s', (page, address) => expect(addressOf(page)).toBe(address))

test('headings get the anchors that links between the pages use', () => {
  expect(anchorOf('As a service')).toBe('as-a-service')
  expect(anchorOf('`status --wait`, and `ready`')).toBe('status---wait-and-ready')
})

test('a link to a source leads to its copy, and the links of pages and of other hosts stay', () => {
  const links = ['../examples/greeter.ts', 'calls.md#deadlines', '#here', 'https://example.com/a.ts', '/api/']
  const linked = new Set<string>()
  const tokens = links.map(href => {
    const attributes = new Map([['href', href]])
    return {
      ...{ type: 'link_open', children: null, info: '', content: '', attributes },
      attrGet: (name: string) => attributes.get(name) ?? null,
      attrSet: (name: string, value: string) => void attributes.set(name, value),
    }
  })
  const paragraph = {
    type: 'inline',
    children: tokens,
    info: '',
    content: '',
    attrGet: () => null,
    attrSet: () => undefined,
  }
  linkSources(linked)({
    renderer: { rules: {} },
    core: {
      ruler: {
        push: (_name, rule) => rule({ tokens: [paragraph], env: { relativePath: 'docs/attach.md' } }),
      },
    },
  })
  expect(tokens.map(({ attributes }) => attributes.get('href'))).toEqual([
    '/source/examples/greeter.ts.txt',
    ...links.slice(1),
  ])
  expect([...linked]).toEqual(['examples/greeter.ts'])
})

const diagrams = globSync('{*.md,docs/*.md}', { cwd: checkout }).flatMap(page =>
  [...readFileSync(join(checkout, page), 'utf8').matchAll(/```mermaid\n([^]*?)```/g)].map(
    ([, text = '']) => ({ page, text }),
  ),
)

test('each diagram has a title, and says in words what it shows', () => {
  expect(diagrams.length).toBeGreaterThan(4)
  for (const { page, text } of diagrams) expect(text, page).toMatch(/accTitle: .+\n +accDescr: .+/)
})

test('a block of Mermaid becomes a drawing of the site, with its text, and other blocks stay', () => {
  const rules = { fence: () => '<pre>' }
  const md = { renderer: { rules }, core: { ruler: { push: () => undefined } } }
  drawDiagrams(md)
  const drawn = (info: string, content: string) => {
    const token = {
      type: 'fence',
      children: null,
      info,
      content,
      attrGet: () => null,
      attrSet: () => undefined,
    }
    return (rules.fence as (tokens: object[], index: number) => string)([token], 0)
  }
  expect(drawn('ts', 'a')).toBe('<pre>')
  const [, code = ''] = /^<Diagram code="([^"]*)" \/>/.exec(drawn('mermaid', 'a -- "b" --> c')) ?? []
  expect(decodeURIComponent(code)).toBe('a -- "b" --> c')
})
