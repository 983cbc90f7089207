import { mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { readBackup, writeBackup } from './backup-file.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-file-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it.each([true, false])('a device is not replaced by a backup, force: %s', async force => {
  const file = join(folder, 'null')
  await symlink('/dev/null', file)
  await expect(writeBackup(none(), file, { force })).rejects.toMatchObject({
    code: 'conflict',
    message: `Cannot write backup ${file}: it is no regular file`,
  })
  expect(await readlink(file)).toBe('/dev/null')
})

it.each(['none/x', 'plain/x'])('a backup is not written to %s, whose folder is not there', async name => {
  await writeFile(join(folder, 'plain'), 'no backup')
  const file = join(folder, name)
  await expect(writeBackup(none(), file)).rejects.toMatchObject({
    code: 'not_found',
    message: `Cannot write backup ${file}: there is no folder ${join(file, '..')}`,
    hint: expect.stringContaining('Create the folder') as string,
  })
})

it.each([
  ['', 'invalid_argument', 'it is a folder'],
  ['none', 'not_found', 'there is no such file'],
  ['plain/x', 'not_found', 'there is no such file'],
])('a backup is not read from "%s": %s, %s', async (name, code, reason) => {
  await writeFile(join(folder, 'plain'), 'no backup')
  const file = join(folder, name)
  await expect(readBackup(file).next()).rejects.toMatchObject({
    code,
    message: `Cannot read backup ${file}: ${reason}`,
    hint: expect.stringContaining('agent-mesh admin backup') as string,
  })
})

async function* none(): AsyncGenerator<string> {}
