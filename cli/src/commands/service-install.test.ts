/** What `service install` refuses before it writes anything: the service would end at its start. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import { runProgram } from '../program.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'service-install-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

it.each([
  [
    'an option that the command does not have',
    ['--', '--nmae', 'web-1'],
    exitCodes.usage,
    '--nmae is not for',
  ],
  ['a join token that is none', ['--join', 'amj1.x'], exitCodes.denied, 'join token'],
])('%s', async (_, args, code, reason) => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const image = ['--user', '--manager', 'systemd', '--root', root, '--data', join(root, 'data')]
  expect(await runProgram(['service', 'install', ...image, ...args])).toBe(code)
  expect(said.mock.calls.join()).toContain(reason)
  said.mockRestore()
  expect(await readdir(root)).toEqual([])
})
