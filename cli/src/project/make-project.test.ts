import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { makeProject } from './make-project.ts'

const checkout = join(import.meta.dirname, '..', '..', '..')

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'project-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** As `npm install` links packages that are folders. */
async function install(project: string): Promise<void> {
  const modules = join(project, 'node_modules')
  await mkdir(join(modules, '@agent-mesh'), { recursive: true })
  await symlink(join(checkout, 'agent'), join(modules, '@agent-mesh', 'agent'))
  await symlink(join(checkout, 'node_modules', 'zod'), join(modules, 'zod'))
}

test('the test of a new project passes with what it depends on', async () => {
  const made = await makeProject(join(folder, 'greeter'))
  expect(made).toMatchObject({ service: 'greeter', folder: join(folder, 'greeter') })
  const manifest = JSON.parse(await readFile(join(made.folder, 'package.json'), 'utf8')) as {
    dependencies: object
    devDependencies: object
    scripts: { test: string }
  }
  expect(Object.keys(manifest.dependencies)).toEqual(['@agent-mesh/agent', 'zod'])
  expect(Object.keys(manifest.devDependencies)).toContain('agent-mesh')
  expect(manifest.scripts.test).toBe('node --test')
  await install(made.folder)
  // Set where a runner of tests runs another one, which reports to it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--test'], { cwd: made.folder, env })
  expect(stdout).toMatch(/pass 3\n.*fail 0/)
})

test('a project takes the name that it is given, and a folder with nothing but .git', async () => {
  await mkdir(join(folder, 'Any', '.git'), { recursive: true })
  const { service, files } = await makeProject(join(folder, 'Any'), 'shop.orders')
  expect(service).toBe('shop.orders')
  expect(files).toContain('test/service.test.ts')
  expect(await readFile(join(folder, 'Any', 'src/contract.ts'), 'utf8')).toContain(`name: 'shop.orders'`)
  expect(await readFile(join(folder, 'Any', 'package.json'), 'utf8')).toContain(`"name": "shop-orders"`)
})

test('a folder that is not empty stays as it is, also one with a project', async () => {
  await makeProject(join(folder, 'greeter'))
  await writeFile(join(folder, 'note'), 'mine')
  const refused = (dir: string) => expect(makeProject(dir, 'x')).rejects.toMatchObject({ code: 'conflict' })
  await refused(join(folder, 'greeter'))
  await refused(folder)
  expect((await readdir(folder)).sort()).toEqual(['greeter', 'note'])
})

test('a name that no service can have, and a folder that cannot be made, are refused', async () => {
  await expect(makeProject(join(folder, '1st'))).rejects.toMatchObject({ code: 'invalid_argument' })
  expect(await readdir(folder)).toEqual([])
  await writeFile(join(folder, 'file'), '')
  await expect(makeProject(join(folder, 'file', 'x'))).rejects.toMatchObject({ code: 'unavailable' })
  await expect(makeProject(join(folder, 'file'))).rejects.toMatchObject({ code: 'conflict' })
})

test.skipIf(process.platform !== 'linux')('a folder that the system does not make is refused', async () => {
  for (const dir of ['/proc/greeter', '/proc/a/greeter'])
    await expect(makeProject(dir)).rejects.toThrow(`Cannot make a project in ${dir}: ENOENT`)
})
