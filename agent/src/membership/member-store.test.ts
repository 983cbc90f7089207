import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMemberStore } from './member-store.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'member-store-'))
  file = join(folder, 'member.db')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const refused = () => ({
  name: 'MeshError',
  message: expect.stringContaining(file) as string,
  hint: expect.stringContaining('move it away') as string,
})

describe('openMemberStore()', () => {
  test.skipIf(process.platform === 'win32')('keeps its files from others whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const store = openMemberStore(file)
      store.set('cursor', 'c')
      const names = await readdir(folder)
      expect(names).toContain('member.db-wal')
      for (const name of names) expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600)
      store.close()
    } finally {
      process.umask(before)
    }
  })

  test('names a file that is no database, and the way out, and changes nothing', async () => {
    await writeFile(file, 'no database'.repeat(1000))
    expect(() => openMemberStore(file)).toThrow(expect.objectContaining(refused()))
    expect(await readFile(file, 'utf8')).toBe('no database'.repeat(1000))
  })

  test('finds damage inside the file when it opens it', async () => {
    const store = openMemberStore(file)
    for (let i = 0; i < 50; i++)
      store.apply([{ shard: 1, v: i, peerId: `p${i}`, record: 'r'.repeat(900), credential: 'c' }], 'x')
    store.close()
    const bytes = await readFile(file)
    bytes.fill(0xff, 8192, 40_000)
    await writeFile(file, bytes)
    expect(() => openMemberStore(file)).toThrow(
      expect.objectContaining({ ...refused(), code: 'unavailable' }),
    )
    expect(await readFile(file)).toEqual(bytes)
  })
})
