import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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

const kept = () => join(root, 'kept')

/** A manager whose folder is closed by this script, which is given the folder, and says `closed` of one that is. */
const managerOf = (script: string, shown = 'closed'): ServiceManager => ({
  ...windowsTask,
  protect: () => ({
    folder: kept(),
    close: folder => [[node, '-e', script, folder]],
    show: [node, '-p', JSON.stringify(shown)],
    isClosed: text => text.trim() === 'closed',
  }),
  file: () => ({ path: join(kept(), 'task.xml'), text: 'task' }),
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
        data: join(kept(), 'data'),
        tokenFile: join(kept(), 'token'),
      },
      token: 'secret',
      root: undefined,
      start: false,
    },
    signal,
  )

/** What a closing tool found in its folder goes to `seen`. */
const looks = () =>
  `const fs = require('fs'); fs.appendFileSync(${JSON.stringify(join(root, 'seen'))}, fs.readdirSync(process.argv[1]).join() + ';')`

test('a folder of keys is closed before it has its name and the first of them, and stays closed', async () => {
  await installBy(managerOf(looks()))
  expect(await readFile(join(root, 'seen'), 'utf8')).toBe(';')
  expect((await readdir(kept())).sort()).toEqual(['task.xml', 'token'])
  await installBy(managerOf(looks()))
  expect(await readFile(join(root, 'seen'), 'utf8')).toBe(';task.xml,token;')
  expect((await readdir(root)).sort()).toEqual(['kept', 'seen'])
})

test('nothing is written where it cannot be closed, and the error says what to do', async () => {
  const manager = managerOf(`console.error('kept: Access is denied.'); process.exit(5)`)
  await expect(installBy(manager)).rejects.toMatchObject({
    code: 'permission_denied',
    hint: 'Run it as root (sudo), on Windows as administrator.',
  })
  expect(await readdir(root)).toEqual([])
})

const refused = (why: string) => ({
  code: 'conflict',
  message: expect.stringContaining(why) as string,
  hint: 'Look at what is in it, remove or rename it, and install again.',
})

test('a folder that others could write is refused, with all that is in it', async () => {
  await mkdir(kept())
  await writeFile(join(kept(), 'token'), 'planted')
  await expect(installBy(managerOf(looks(), 'open'))).rejects.toMatchObject(refused('other users'))
  expect(await readdir(root)).toEqual(['kept'])
  expect(await readFile(join(kept(), 'token'), 'utf8')).toBe('planted')
})

test('a link in place of the folder is refused, wherever it leads', async () => {
  await mkdir(join(root, 'elsewhere'))
  await symlink(join(root, 'elsewhere'), kept())
  await expect(installBy(managerOf(looks()))).rejects.toMatchObject(refused('link'))
  expect(await readdir(join(root, 'elsewhere'))).toEqual([])
  expect((await readdir(root)).sort()).toEqual(['elsewhere', 'kept'])
})

test('a new folder into which others wrote before it was closed never gets its name', async () => {
  const plants = `require('fs').writeFileSync(process.argv[1] + '/token', 'planted')`
  await expect(installBy(managerOf(plants))).rejects.toMatchObject(refused('another user wrote'))
  expect(await readdir(root)).not.toContain('kept')
})
