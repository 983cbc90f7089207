import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { drawn, shortened } from '../../site/recording.ts'

const checkout = join(import.meta.dirname, '..', '..')

test('pauses are shortened, and what follows comes earlier', () => {
  const lines = [0, 1, 11, 12].map(at => ({ at, text: '' }))
  expect(shortened(lines, 2).map(({ at }) => at)).toEqual([0, 1, 3, 4])
})

test('colours become spans, and signs of XML are escaped', () => {
  const svg = drawn('a & b', [{ at: 1.5, text: 'x <y> \u001b[32mdirect\u001b[39m 2 ms' }])
  expect(svg).toContain('x &lt;y&gt; <tspan fill="#7ee787">direct</tspan> 2 ms')
  expect(svg).toContain('animation-delay:1.50s')
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toContain('\u001b')
})

test('the recording shows the steps of the demo as it is', () => {
  const shown = readFileSync(join(checkout, 'docs', 'demo.svg'), 'utf8')
  const sources = globSync('cli/src/demo/*.ts', { cwd: checkout }).map(file =>
    readFileSync(join(checkout, file), 'utf8'),
  )
  const steps = sources.flatMap(text =>
    [...text.matchAll(/\bsay\('([^']+)'\)/g)].map(([, step = '']) => step),
  )
  expect(steps.length).toBeGreaterThan(3)
  expect(steps.filter(step => !shown.includes(step))).toEqual([])
  expect(shown).toContain('OK: every call succeeded.')
})
