import { version } from '@agent-mesh/protocol'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')

const manifestOf = async (folder: string) =>
  JSON.parse(await readFile(join(checkout, folder, 'package.json'), 'utf8')) as {
    version: string
    workspaces?: string[]
  }

test('all workspaces carry the version that the build tells', async () => {
  const root = await manifestOf('.')
  const folders = ['.', ...(root.workspaces ?? [])]
  const versions = await Promise.all(folders.map(async folder => (await manifestOf(folder)).version))
  expect(folders.length).toBeGreaterThan(5)
  expect(new Set(versions)).toEqual(new Set([version]))
})
