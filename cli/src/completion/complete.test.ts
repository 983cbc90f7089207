import { expect, test } from 'vitest'

import { createProgram } from '../program.ts'
import { complete, type ValueSource } from './complete.ts'

/** Answers with the kind that is asked for and the context it is asked in. */
const asked: ValueSource = (kind, given) =>
  Promise.resolve([{ value: `${kind}-of-${given.get('context') ?? 'default'}`, about: '' }])

async function completed(line: string) {
  const program = createProgram(true, () => undefined)
  const { files, candidates } = await complete(program, line.split(' '), asked)
  return files ? 'files' : candidates.map(({ value }) => value)
}

test.each([
  ['sta', ['status']],
  ['call', ['call', 'call-all']],
  ['token cre', ['create']],
  ['--json token rev', ['revoke']],
  ['status tok', []],
  ['call --id', ['--idempotent']],
  ['call host.info --da', ['--data']],
  ['up --paths ', ['any', 'relay']],
  ['up --paths=re', ['--paths=relay']],
  ['policy explain web-1 ', ['call', 'publish', 'subscribe', 'connect', 'manage']],
  ['call --peer ', ['member-of-default']],
  ['--context prod call --peer ', ['member-of-prod']],
  ['call --context=prod ', ['method-of-prod']],
  ['ping ', ['member-of-default']],
  ['stream ', ['stream-of-default']],
  ['stream --peer ', ['member-of-default']],
  ['stream feed.tail --input ', 'files'],
  ['call --bytes ', 'files'],
  ['ping mem', ['member-of-default']],
  ['ping other', []],
  ['path web-1 ', ['member-of-default']],
  ['path web-1 web-2 ', []],
  ['--context ', ['context-of-default']],
  ['call host.info -- -', []],
])('completes "%s" to %j', async (line, expected) => {
  expect(await completed(line)).toEqual(expected)
})

test.each(['policy set ', 'up --serve ', '--data ', 'audit export --out '])(
  'leaves files to the shell: %s',
  async line => expect(await completed(line)).toBe('files'),
)

test('commands for scripts alone are not offered', async () => {
  const all = await completed('')
  expect(all).toContain('status')
  expect(all).not.toContain('__complete')
})
