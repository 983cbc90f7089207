import { describe, expect, it } from 'vitest'

import { readPolicyText } from './policy-text.ts'

const grant = '{ "from": ["role:ops"], "to": ["service:*"], "allow": ["call"] }'
const wrong = (text: string): string => {
  try {
    readPolicyText(text, 'p.json')
  } catch (error) {
    return (error as Error).message.replace('Cannot read policy p.json: ', '')
  }
  return 'taken'
}

describe('a policy file', () => {
  it('is JSON or YAML, with tests or without', () => {
    const policy = { grants: [{ from: ['role:ops'], to: ['service:*'], allow: ['call'] }], tests: [] }
    for (const text of [
      `{"number": 3,\n\t"grants": [\n\t\t${grant}\n\t],\n\t"tests": []\n}`,
      `{"number": 3, "grants": [${grant}]}`,
      'number: 3\ngrants:\n  - from: [role:ops]\n    to: [service:*]\n    allow: [call]\n',
    ])
      expect(readPolicyText(text, 'p')).toMatchObject({ number: 3, policy })
  })

  it.each([
    [
      '{"grants": [\n  {"from": ["rol:ops"], "to": ["service:*"], "allow": ["call"]}\n]}',
      /^line 2, column 13: grants\.0\.from\.0: is not a selector/,
    ],
    [`{"grants": [${grant}],\n "test": []}`, /^line 2, column 10: test: unknown field test/],
    [
      'grants:\n  - from: [role:ops]\n    allow: [call]\n',
      /^line 2, column 5: grants\.0\.to: is not of type array/,
    ],
    ['{"grants": [\n  {"from": ["*"]\n   "to": []}]}', /^line [23], column \d+: /],
    ['grants:\n  - from: [*]\n', /^line 2, column \d+: .*/],
    ['{"grants": [], "grants": []}', /^line 1, column 16: Map keys must be unique/],
    ['', /^line 1, column 1: is not of type object/],
    ['[]', /^line 1, column 1: is not of type object/],
  ])('that is wrong is told with line and column: %#', (text, reason) => {
    expect(wrong(text)).toMatch(reason)
  })

  it('tells of all that is wrong', () => {
    const text = '{"grants": [\n{"from": ["x"], "to": ["y"], "allow": ["call"]}]}'
    expect(() => readPolicyText(text, 'p')).toThrow(
      expect.objectContaining({
        details: { problems: [expect.stringContaining('from.0'), expect.stringContaining('to.0')] },
        hint: expect.stringContaining('Also: line 2, column 24: grants.0.to.0') as string,
      }),
    )
  })

  it('has an end, whatever it holds', () => {
    expect(wrong('['.repeat(100_000))).toMatch(/nested too deep|line 1/)
    expect(wrong('a: &a [1]\nb: *a\n')).toMatch(/^line 2, column 4: an alias/)
  })
})
