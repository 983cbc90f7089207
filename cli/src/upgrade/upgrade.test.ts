/** Upgrades of a real program from a real server; those of services that run it: test/service/upgrade.test.ts. */
import { execFile } from 'node:child_process'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import {
  buildProgram,
  makeRelease,
  programFile,
  serveReleases,
} from '../../../test/support/program-releases.ts'
import { upgradeDefaults } from './defaults.ts'
import { installedProgram, lockProgram } from './installed-program.ts'
import { goBack, plan, upgrade, type UpgradeInit } from './upgrade.ts'

const run = promisify(execFile)

let folder: string
let bin: string
let program: string
let server: Awaited<ReturnType<typeof serveReleases>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upgrade-'))
  for (const version of ['0.1.0', '0.1.1']) {
    await buildProgram(join(folder, version), { version })
    await makeRelease(join(folder, 'releases', version), join(folder, version), version)
  }
  await makeRelease(join(folder, 'releases/latest'), join(folder, '0.1.1'), '0.1.1')
  server = await serveReleases(join(folder, 'releases'))
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  bin = await mkdtemp(join(folder, 'bin-'))
  program = join(bin, 'agent-mesh')
  await copyFile(join(folder, '0.1.0'), program)
})

const init = async (
  more: Partial<UpgradeInit> = {},
  signal = new AbortController().signal,
): Promise<UpgradeInit> => ({
  program: await installedProgram(program),
  to: undefined,
  from: server.url,
  sha256: undefined,
  readyMs: upgradeDefaults.readyMs,
  access: { proxy: undefined, pinned: false, signal },
  say: () => undefined,
  ...more,
})

/** With the lock, as the command does it. */
async function locked(work: typeof upgrade, more: Partial<UpgradeInit> = {}, signal?: AbortSignal) {
  const all = await init(more, signal)
  const unlock = await lockProgram(all.program)
  try {
    return await work(all)
  } finally {
    unlock()
  }
}

const versionOf = async (file = program) => (await run(file, ['--version'])).stdout.trim()
const left = async () => (await readdir(join(bin, '.agent-mesh'))).filter(name => name !== 'lock').sort()

test('upgrades to the newest, keeps the old one, and knows the place the next time', async () => {
  const planned = await plan(await init())
  expect(planned).toMatchObject({ outcome: 'planned', version: '0.1.1', before: '0.1.0', signed: false })
  expect(await readdir(bin)).toEqual(['agent-mesh'])

  expect(await locked(upgrade)).toMatchObject({ outcome: 'upgraded', version: '0.1.1', before: '0.1.0' })
  expect(await versionOf()).toBe('0.1.1')
  expect((await stat(program)).mode & 0o777).toBe(0o755)
  expect(await versionOf(join(bin, '.agent-mesh/previous'))).toBe('0.1.0')
  expect(await left()).toEqual(['from', 'previous'])

  server.asked.length = 0
  expect(await locked(upgrade, { from: undefined })).toMatchObject({ outcome: 'current', version: '0.1.1' })
  expect(server.asked).toEqual(['/latest/SHA256SUMS'])
})

test('goes back by hand, and forth again', async () => {
  await locked(upgrade, { to: '0.1.1' })
  expect(await locked(goBack)).toMatchObject({ outcome: 'back', version: '0.1.0', before: '0.1.1' })
  expect(await versionOf()).toBe('0.1.0')
  expect(await locked(goBack)).toMatchObject({ outcome: 'back', version: '0.1.1' })
  expect(await left()).toEqual(['from', 'previous'])
})

test('goes back to nothing where nothing is kept', async () => {
  await expect(locked(goBack)).rejects.toMatchObject({ code: 'not_found' })
})

test('an older version is installed only where it is asked for', async () => {
  await copyFile(join(folder, '0.1.1'), program)
  await expect(locked(upgrade, { from: `${server.url}/0.1.0` })).rejects.toMatchObject({
    code: 'conflict',
    message: 'Cannot upgrade to 0.1.0: 0.1.1, which is newer, is installed',
  })
  expect(await locked(upgrade, { to: '0.1.0' })).toMatchObject({ outcome: 'upgraded', version: '0.1.0' })
})

test('a version that is not there, and a place without releases, are not found', async () => {
  await expect(locked(upgrade, { to: '9.9.9' })).rejects.toMatchObject({ code: 'not_found' })
  await expect(locked(upgrade, { from: `${server.url}/none` })).rejects.toMatchObject({ code: 'not_found' })
  await expect(locked(upgrade, { from: undefined })).rejects.toThrow('it is not known where releases are')
})

test('a download that is damaged, lies about its version or does not start changes nothing', async () => {
  const damaged = join(folder, 'releases', 'damaged')
  await makeRelease(damaged, join(folder, '0.1.1'), '0.1.1')
  await appendFile(join(damaged, programFile), 'x')
  await expect(locked(upgrade, { from: damaged })).rejects.toThrow(/the checksum|Cannot read/)

  await makeRelease(damaged, join(folder, '0.1.1'), '0.1.2')
  await expect(locked(upgrade, { from: damaged })).rejects.toThrow(
    'its program says 0.1.1; nothing was changed',
  )

  await writeFile(join(folder, 'nothing'), 'nothing')
  await makeRelease(damaged, join(folder, 'nothing'), '0.1.2')
  await expect(locked(upgrade, { from: damaged })).rejects.toThrow('does not start here')

  const other = '0'.repeat(64)
  await expect(locked(upgrade, { sha256: other })).rejects.toThrow(`not ${other}; nothing was changed`)
  expect(await versionOf()).toBe('0.1.0')
  expect(await left()).toEqual([])
})

test('Ctrl-C during the download leaves the old one, and nothing beside it', async () => {
  const controller = new AbortController()
  const say = () => queueMicrotask(() => controller.abort())
  await expect(locked(upgrade, { say }, controller.signal)).rejects.toMatchObject({ code: 'cancelled' })
  expect(await versionOf()).toBe('0.1.0')
  expect(await left()).toEqual([])
})

test('a second upgrade at the same time is refused', async () => {
  const unlock = await lockProgram(await installedProgram(program))
  await expect(locked(upgrade)).rejects.toMatchObject({ code: 'conflict' })
  unlock()
})

test('a trial that was interrupted is finished, and keeps what was known to work', async () => {
  await locked(upgrade)
  await writeFile(join(bin, '.agent-mesh/pending'), '{"version":"0.1.1","back":false}')
  // What is unproven is not kept in place of what works.
  expect(await locked(upgrade, { to: '0.1.0' })).toMatchObject({ outcome: 'upgraded', version: '0.1.0' })
  expect(await versionOf(join(bin, '.agent-mesh/previous'))).toBe('0.1.0')
  expect(await left()).toEqual(['from', 'previous'])
})

test('a program that does not start is replaced, not kept', async () => {
  await mkdir(join(bin, '.agent-mesh'), { mode: 0o700 })
  await writeFile(program, 'broken')
  expect(await locked(upgrade)).toMatchObject({ outcome: 'upgraded', version: '0.1.1' })
  expect(await readFile(program)).toEqual(await readFile(join(folder, '0.1.1')))
  expect(await left()).toEqual(['from'])
})
