import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'

import { makeDemoFolder } from './demo-folder.ts'

const { getuid } = process
afterEach(() => {
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
