import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { toolName } from './tool-name.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
const method = fc.tuple(
  fc.array(word, { minLength: 1, maxLength: 4 }).map(words => words.join('.')),
  fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/),
)

it('toolName() gives two methods two names, in 64 of [a-zA-Z0-9_-]', () => {
  expect(toolName('mcp.fs', 'read_file')).toBe('mcp_fs__read_file')
  fc.assert(
    fc.property(method, method, (a, b) => {
      const [one, other] = [toolName(...a), toolName(...b)]
      expect(one).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
      expect(one === other).toBe(a.join('.') === b.join('.'))
    }),
  )
})
