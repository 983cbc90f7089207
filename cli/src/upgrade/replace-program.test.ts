import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { installedProgram, lockProgram, type InstalledProgram } from './installed-program.ts'
import { endTrial, replaceProgram, restoreProgram } from './replace-program.ts'

let bin: string
beforeEach(async () => void (bin = await mkdtemp(join(tmpdir(), 'replace-'))))
afterEach(() => rm(bin, { recursive: true, force: true }))

const files = { current: '1.0.0', previous: undefined, pending: undefined, unproven: false }
const tried = { version: '1.1.0', back: false }

async function prepared(platform: NodeJS.Platform, name: string): Promise<InstalledProgram> {
  await writeFile(join(bin, name), 'old')
  const program = await installedProgram(join(bin, name), platform)
  await mkdir(program.folder, { mode: 0o700 })
  await writeFile(program.next, 'new')
  return program
}

const textOf = (path: string) => readFile(path, 'utf8')

describe.each([
  ['linux', 'agent-mesh', 'previous'],
  ['win32', 'agent-mesh.exe', 'previous.exe'],
] as const)('on %s', (platform, name, previous) => {
  test('the new program takes the place of the old one, which is kept and can be run', async () => {
    const program = await prepared(platform, name)
    await replaceProgram(program, files, tried)
    await endTrial(program)
    expect(await textOf(program.path)).toBe('new')
    expect(await readdir(program.folder)).toEqual([previous])
    expect(await textOf(join(program.folder, previous))).toBe('old')
  })

  test('the old program is restored, and kept', async () => {
    const program = await prepared(platform, name)
    await replaceProgram(program, files, tried)
    await restoreProgram(program)
    await endTrial(program)
    expect([await textOf(program.path), await textOf(program.previous)]).toEqual(['old', 'old'])
    expect(await readdir(program.folder)).toEqual([previous])
  })
})

test('a program that is kept already is not linked again: Windows would refuse that while it runs', async () => {
  const program = await prepared('linux', 'agent-mesh')
  await link(program.path, program.previous)
  const changed = async () => (await stat(program.previous, { bigint: true })).ctimeNs
  const before = await changed()
  await rm(program.next)
  await expect(replaceProgram(program, files, tried)).rejects.toMatchObject({ code: 'permission_denied' })
  expect(await changed()).toBe(before)
})

test('on Windows a program that cannot be replaced stays where it is', async () => {
  const program = await prepared('win32', 'agent-mesh.exe')
  await rm(program.next)
  await expect(replaceProgram(program, files, tried)).rejects.toMatchObject({ code: 'permission_denied' })
  expect(await textOf(program.path)).toBe('old')
})

test('Windows shows each folder as one that others may write', async () => {
  const program = await prepared('win32', 'agent-mesh.exe')
  await chmod(program.folder, 0o777)
  await expect(lockProgram(program, 'linux')).rejects.toMatchObject({ code: 'permission_denied' })
  const unlock = await lockProgram(program, 'win32')
  unlock()
})
