/** Links of all pages of the built site, the API reference and the copies of sources included. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

import { dist, fileOf, siteMissing } from './served-site.ts'

const unescaped = (text: string) =>
  text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"')
const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map(([, value = '']) => unescaped(value))

describe.skipIf(siteMissing() !== undefined)('the links', () => {
  test('lead to files that the site has, and to anchors on their pages', () => {
    const pages = new Map(
      globSync('**/*.html', { cwd: dist }).map(page => [
        join(dist, page),
        readFileSync(join(dist, page), 'utf8'),
      ]),
    )
    const anchors = new Map([...pages].map(([file, html]) => [file, new Set(attributes(html, 'id'))]))
    let links = 0
    const dead = [...pages].flatMap(([page, html]) =>
      attributes(html, 'href')
        .concat(attributes(html, 'src'))
        .filter(link => !/^(https?|mailto|data):/.test(link))
        .flatMap(link => {
          links++
          const target = new URL(link, `http://site/${relative(dist, page)}`)
          const file = fileOf(target.href)
          const anchor = decodeURIComponent(target.hash.slice(1))
          if (!existsSync(file)) return [`${relative(dist, page)}: ${link}`]
          const isThere = anchor === '' || anchors.get(file)?.has(anchor) !== false
          return isThere ? [] : [`${relative(dist, page)}: ${link}: no such anchor`]
        }),
    )
    expect(dead).toEqual([])
    expect(links).toBeGreaterThan(10_000)
  })
})
