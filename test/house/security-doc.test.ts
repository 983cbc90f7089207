import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const page = join(checkout, 'docs', 'security.md')

/** Source and prose break lines at different places. */
const flat = (text: string) => text.replace(/\s+/g, ' ').replaceAll("\\'", "'")

const specs = /\[([^\]]+)\]\(([^)#]+\.ts)\)/g

test('every claim of docs/security.md that names a test names one that exists', async () => {
  const claims = [...(await readFile(page, 'utf8')).matchAll(specs)]
  expect(claims.length).toBeGreaterThan(40)
  for (const [, name = '', file = ''] of claims) {
    const source = flat(await readFile(join(dirname(page), file), 'utf8'))
    // A name with a value in it stands in the source with a placeholder.
    const pattern = flat(name)
      .split('…')
      .map(piece => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[%$]\\w+')
    expect(source, `"${name}" is no test of ${file}`).toMatch(new RegExp(pattern))
  }
})

test('every kind of attacker of docs/security.md is said what it can, cannot, how it is detected and what to do', async () => {
  const sections = (await readFile(page, 'utf8')).split(/^## /m)
  for (const attacker of [
    'A stolen join token',
    'A stolen agent key',
    'A hostile relay',
    'A hostile control plane',
    'A hostile member',
    'A network attacker',
    'An admin from within',
  ]) {
    const section = sections.find(text => text.startsWith(attacker)) ?? ''
    for (const part of ['**Can**', '**Cannot**', '**Detected**', '**You do**'])
      expect(section.includes(part), `${attacker}: ${part}`).toBe(true)
  }
})
