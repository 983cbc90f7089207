import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localAddress, newAddress, socketPath } from './local-address.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'address-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const held = () => true
const pipe = String.raw`\\.\pipe\agent-mesh-0123456789abcdef0123456789abcdef`

test('a process listens on a socket of its folder, and clients need no file to find it', () => {
  expect(newAddress(folder, 'linux')).toBe(join(folder, 'agent.sock'))
  expect(localAddress(folder, 'linux')).toBe(join(folder, 'agent.sock'))
})

describe('on Windows', () => {
  test('a process listens on a pipe of another name at each start, which its file gives to clients', async () => {
    const names = [newAddress(folder, 'win32'), newAddress(folder, 'win32')]
    expect(new Set(names).size).toBe(2)
    for (const name of names) {
      await writeFile(socketPath(folder), name)
      expect(localAddress(folder, 'win32', held)).toBe(name)
    }
  })

  test('a folder without the file has no process', () => {
    expect(localAddress(folder, 'win32', held)).toBeUndefined()
  })

  test('a name that a killed process left is not connected to: another user may have made a pipe of it', async () => {
    await writeFile(socketPath(folder), pipe)
    const asked: string[] = []
    expect(localAddress(folder, 'win32', lock => asked.push(lock) < 1)).toBeUndefined()
    expect(asked).toEqual([join(folder, 'lock')])
  })

  test.each([
    ['nothing', ''],
    ['more than a name', `${pipe}0`],
    ['lines', `${pipe}\n`],
    ['half a name', pipe.slice(0, -1)],
    ['another pipe', String.raw`\\.\pipe\lsass`],
    ['a pipe of another machine', pipe.replace('.', 'evil.example')],
    ['a device', String.raw`\\.\C:`],
  ])('%s in the file is no name of a pipe', async (_, text) => {
    await writeFile(socketPath(folder), text)
    expect(() => localAddress(folder, 'win32', held)).toThrow(
      expect.objectContaining({
        code: 'protocol_error',
        message: `Cannot read ${socketPath(folder)}: it is not the name of a pipe of Agent Mesh`,
      }),
    )
  })
})
