import { expect, test } from 'vitest'

import { restoredText } from './restored.ts'

const numbers = { keys: 1, relays: 2, policy: 2, revocations: 2 }

test('after a restore the operator is told since when things are lost, and each command that does them again', () => {
  const text = restoredText({ lastEntryAt: Date.UTC(2026, 0, 2), numbers }, ' --context prod').join('\n')
  expect(text).toContain('ends at 2026-01-02T00:00:00.000Z')
  for (const command of ['revoke NAME', 'token list', 'policy get', 'admin rotate-key --revoke'])
    expect(text).toContain(`agent-mesh --context prod ${command}`)
})

test('a backup without audit log has no end to tell', () => {
  expect(restoredText({ numbers }, '').join('\n')).toContain('at an unknown time')
})
