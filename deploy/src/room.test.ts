import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkRoom } from './room.ts'

test('refuses a disk with less than is needed, and says how much it has; a folder need not exist', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'room-'))
  try {
    const free =
      1024 * Number(execFileSync('df', ['-Pk', folder], { encoding: 'utf8' }).trim().split(/\s+/).at(-3))
    await checkRoom(join(folder, 'releases', 'backups'), free / 2)
    await expect(checkRoom(join(folder, 'releases', 'backups'), free * 2)).rejects.toThrow(
      /^Cannot deploy: .*backups has \d+ MiB free, \d+ MiB are needed$/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
