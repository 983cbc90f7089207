import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { install } from './install.ts'
import type { ServiceManager } from './service-manager.ts'
import { windowsTask } from './windows-task.ts'

let root: string
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'install-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

const node = process.execPath
const { signal } = new AbortController()

/** A manager whose folder is protected by this script. */
const managerOf = (script: string): ServiceManager => ({
  ...windowsTask,
  protect: () => ({ folder: join(root, 'kept'), tools: [[node, '-e', script]] }),
  file: () => ({ path: join(root, 'kept', 'task.xml'), text: 'task' }),
  enable: () => [],
})
const installBy = (manager: ServiceManager) =>
  install(
    {
      manager,
      spec: {
        name: 'agent-mesh',
        scope: 'system',
        context: 'default',
        program: [node],
        run: 'up',
        args: [],
        data: join(root, 'kept', 'data'),
        tokenFile: join(root, 'kept', 'token'),
      },
      token: 'secret',
      root: undefined,
      start: false,
    },
    signal,
  )

test('a folder of keys is protected before the first of them is written', async () => {
  const seen = join(root, 'seen')
  const script = `require('fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify(require('fs').readdirSync(${JSON.stringify(join(root, 'kept'))})))`
  await installBy(managerOf(script))
  expect(JSON.parse(await readFile(seen, 'utf8'))).toEqual([])
  expect((await readdir(join(root, 'kept'))).sort()).toEqual(['task.xml', 'token'])
})

test('nothing is written where it cannot be protected, and the error says what to do', async () => {
  const manager = managerOf(`console.error('kept: Access is denied.'); process.exit(5)`)
  await expect(installBy(manager)).rejects.toMatchObject({
    code: 'permission_denied',
    hint: 'Run it as root (sudo), on Windows as administrator.',
  })
  expect(await readdir(join(root, 'kept'))).toEqual([])
})
