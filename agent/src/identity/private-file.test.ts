import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MeshError } from '@agent-mesh/protocol/errors'
import {
  fileFailure,
  isDiskFull,
  makePrivate,
  makeFolder,
  readFailure,
  replaceFile,
  systemCode,
  writeOnce,
} from './private-file.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'private-'))))
afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (...names: string[]) => (await stat(join(folder, ...names))).mode & 0o777

describe.skipIf(process.platform === 'win32')('files of a member', () => {
  test.each([0o000, 0o777])('are for their owner alone with umask %i', async mask => {
    const before = process.umask(mask)
    try {
      await makeFolder(join(folder, 'data'))
      await writeOnce(join(folder, 'data', 'key'), 'a')
      await replaceFile(join(folder, 'data', 'state'), 'b')
      for (const name of ['key', 'state']) expect(await modeOf('data', name), name).toBe(0o600)
      expect(await modeOf('data')).toBe(0o700)
    } finally {
      process.umask(before)
    }
  })

  test('may be in folders that are new, too', async () => {
    expect(await makeFolder(join(folder, 'a', 'b', 'data'))).toBe(true)
    expect([await modeOf('a'), await modeOf('a', 'b', 'data')]).toEqual([0o700, 0o700])
    expect(await makeFolder(join(folder, 'a', 'b', 'data'))).toBe(false)
  })

  test('that others could read are closed to them', async () => {
    await writeFile(join(folder, 'member.db'), '', { mode: 0o644 })
    makePrivate(join(folder, 'member.db'))
    expect(await modeOf('member.db')).toBe(0o600)
  })

  test.each([0o777, 0o770, 0o702])('are not kept in a folder of mode %i', async mode => {
    await chmod(folder, mode)
    await expect(makeFolder(folder)).rejects.toThrow('others may write it')
    await chmod(folder, 0o700)
    expect(await makeFolder(folder)).toBe(false)
  })
})

test.skipIf(process.platform !== 'linux')('a folder that the system does not make is refused', async () => {
  for (const path of ['/proc/data', '/proc/a/data'])
    await expect(makeFolder(path)).rejects.toMatchObject({
      code: 'permission_denied',
      message: `Cannot make data folder ${path}: ENOENT`,
    })
})

test('writeOnce() replaces nothing, replaceFile() does, and neither leaves a temporary file', async () => {
  const path = join(folder, 'file')
  await writeOnce(path, 'first')
  await expect(writeOnce(path, 'second')).rejects.toMatchObject({ code: 'EEXIST' })
  expect(await readFile(path, 'utf8')).toBe('first')
  await replaceFile(path, 'third')
  expect(await readFile(path, 'utf8')).toBe('third')
  expect(await readdir(folder)).toEqual(['file'])
})

test('a full disk is called one', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  expect(fileFailure('write x', cause)).toMatchObject({
    code: 'unavailable',
    message: 'Cannot write x: disk full (ENOSPC)',
    details: { system: 'ENOSPC' },
  })
})

test.each([
  ['ENOENT', 'not_found', 'there is no such file'],
  ['ENOTDIR', 'not_found', 'a part of its path is no folder'],
  ['EACCES', 'permission_denied', 'EACCES'],
])('%s of a file that is to be read is %s: %s', (system, code, reason) => {
  const cause = Object.assign(new Error(system), { code: system })
  expect(readFailure('copy x', cause)).toMatchObject({ code, message: `Cannot copy x: ${reason}` })
})

test('the system error that another member told of is known', () => {
  const told = new MeshError('unavailable', 'Cannot write x: no', { details: { system: 'EDQUOT' } })
  expect([systemCode(told), isDiskFull(told)]).toEqual(['EDQUOT', true])
  expect(isDiskFull(new MeshError('unavailable', 'Cannot write x: disk full'))).toBe(false)
})
