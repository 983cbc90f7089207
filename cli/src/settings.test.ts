import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'

import { readSettings } from './settings.ts'

describe('readSettings()', () => {
  it('keeps each context in a folder of its own below XDG_DATA_HOME', () => {
    expect(readSettings({ context: 'staging' }, { XDG_DATA_HOME: '/data' }).data).toBe(
      '/data/agent-mesh/staging',
    )
  })

  it('falls back to ~/.local/share, also from a relative XDG_DATA_HOME', () => {
    const expected = `${homedir()}/.local/share/agent-mesh/default`
    expect(readSettings({}, {}).data).toBe(expected)
    expect(readSettings({}, { XDG_DATA_HOME: 'data' }).data).toBe(expected)
  })

  it('takes --data as it is, made absolute', () => {
    expect(readSettings({ data: '/x/../y' }, {}).data).toBe('/y')
    expect(readSettings({ data: 'here' }, {}).data).toBe(`${process.cwd()}/here`)
  })

  it.each(['', '..', 'a/b', '-x', 'x'.repeat(65)])('refuses the context %j', context =>
    expect(() => readSettings({ context }, {})).toThrow('Cannot use context'),
  )
})
