import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'

import { makeDemoFolder } from './demo-folder.ts'

vi.mock('node:fs/promises', { spy: true })

const { getuid } = process
afterEach(() => {
  vi.mocked(rm).mockReset()
  process.getuid = getuid!
  vi.unstubAllEnvs()
})

test.each([
  ['this system', getuid],
  ['Windows, which has no user ids', undefined],
])('a demo removes what a killed one left, on %s', async (_, ids) => {
  const temporary = join(tmpdir(), `demo-folders-${process.pid}`)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  await mkdir(join(temporary, `agent-mesh-demo-${pid}-abandoned`, 'data'), { recursive: true })
  vi.stubEnv('TMPDIR', temporary)
  // What is not there on Windows cannot be stubbed otherwise.
  process.getuid = ids as typeof getuid & {}
  try {
    const own = await makeDemoFolder()
    expect(await readdir(temporary)).toEqual([basename(own)])
  } finally {
    await rm(temporary, { recursive: true })
  }
})

test('a demo starts beside what it cannot remove', async () => {
  const temporary = join(tmpdir(), `demo-folders-kept-${process.pid}`)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  const abandoned = `agent-mesh-demo-${pid}-abandoned`
  await mkdir(join(temporary, abandoned), { recursive: true })
  vi.stubEnv('TMPDIR', temporary)
  vi.mocked(rm).mockRejectedValueOnce(new Error('EBUSY: resource busy or locked'))
  try {
    const own = await makeDemoFolder()
    expect((await readdir(temporary)).sort()).toEqual([abandoned, basename(own)].sort())
  } finally {
    await rm(temporary, { recursive: true })
  }
})
