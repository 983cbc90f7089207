import { mkdtemp, readlink, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { writeBackup } from './backup-file.ts'

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

async function* none(): AsyncGenerator<string> {}
