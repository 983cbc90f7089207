import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const width = 110

/** Links and code are not broken, wherever they have spaces. */
const joined = (line: string): string =>
  line.replaceAll(/`[^`]+`|\[[^\]]+\]\([^)]*\)/g, whole => whole.replaceAll(' ', '_'))

const isLong = (line: string): boolean => line.length > width && joined(line).trim().includes(' ', 4)

/** Lines of prose that are too long: tables, code and what cannot be broken may be. */
function longLines(file: string): string[] {
  let code = false
  const lines = readFileSync(join(checkout, file), 'utf8').split('\n')
  return lines.flatMap((line, i) => {
    if (line.trimStart().startsWith('```')) code = !code
    return !code && !line.startsWith('|') && isLong(line) ? [`${file}:${i + 1}`] : []
  })
}

test(`prose wraps at ${width} columns`, () => {
  const files = globSync(['*.md', 'docs/**/*.md'], { cwd: checkout })
  expect(files.flatMap(longLines)).toEqual([])
})
