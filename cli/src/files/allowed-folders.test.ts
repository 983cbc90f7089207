/** Folders that an owner allows, and what happens to them while they are used. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { refusal } from '../../../test/support/refusal.ts'
import { AllowedFolders } from './allowed-folders.ts'
import type { FileEntry } from './file-values.ts'
import { listFolder } from './list-folder.ts'
import { OpenFolder } from './open-folder.ts'

let root: string
let box: string
const at = (...names: string[]) => join(box, ...names)

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'allowed-'))
  box = join(root, 'box')
  await mkdir(box)
  await mkdir(join(root, 'owner'))
})
afterAll(() => rm(root, { recursive: true }))

describe('an allowed folder', () => {
  it('that has keys is refused, and so is one of keys below it, also one that is made later', async () => {
    const [data, contexts] = [join(root, 'owner'), join(root, 'home', 'agent-mesh')]
    for (const path of [data, join(data, 'x'), contexts, join(contexts, 'control-plane')])
      expect(await refusal(AllowedFolders.open([{ path, readOnly: true }], [data, contexts])), path).toMatch(
        /^invalid_argument: .*keys/,
      )
    const allowed = await AllowedFolders.open([{ path: root, readOnly: true }], [data, contexts])
    await mkdir(join(contexts, 'control-plane'), { recursive: true })
    const secrets = await allowed.secrets()
    for (const names of [['owner'], ['home', 'agent-mesh'], ['home', 'agent-mesh', 'control-plane']])
      expect(await refusal(OpenFolder.open(root, names, secrets)), names.join('/')).toMatch(
        /^permission_denied: .*keys/,
      )
    await (await OpenFolder.open(root, ['home'], secrets)).close()
  })

  it('is listed with what cannot be read in it, and nothing of what is in a folder of keys', async () => {
    await writeFile(Buffer.concat([Buffer.from(at('x')), Buffer.of(0xff)]), '')
    await writeFile(join(root, 'owner', 'key'), '')
    const allowed = await AllowedFolders.open([{ path: root, readOnly: true }], [join(root, 'owner')])
    const folder = await OpenFolder.open(root, [], await allowed.secrets())
    const entries: FileEntry[] = []
    for await (const part of listFolder(folder, true)) entries.push(...part)
    await folder.close()
    expect(entries).toContainEqual({ path: 'box/x\uFFFD', kind: 'other', bytes: 0, executable: false })
    const ofOwner = entries.filter(({ path }) => path.startsWith('owner'))
    expect(ofOwner).toEqual([{ path: 'owner', kind: 'other', bytes: 0, executable: false }])
    expect(entries).toContainEqual(expect.objectContaining({ path: 'box', kind: 'folder' }))
  })

  it('is not left while a folder on the way is replaced by a link, and back', async () => {
    const outside = join(root, 'outside')
    await mkdir(outside)
    await writeFile(join(outside, 'f'), 'outside')
    await mkdir(at('swapped'))
    await writeFile(at('swapped', 'f'), 'inside')
    await symlink(outside, at('swap-link'))
    let swapping = true
    const swaps = (async () => {
      for (; swapping;) {
        await rename(at('swapped'), at('kept'))
        await rename(at('swap-link'), at('swapped'))
        await rename(at('swapped'), at('swap-link'))
        await rename(at('kept'), at('swapped'))
      }
    })()
    const seen = new Map<string, number>()
    const read = async (): Promise<string> => {
      const folder = await OpenFolder.open(box, ['swapped'], [])
      try {
        const file = await folder.openFile('f')
        return await file.readFile('utf8').finally(() => file.close())
      } finally {
        await folder.close()
      }
    }
    for (let n = 0; n < 2_000; n++) {
      const text = await read().catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
      seen.set(text, (seen.get(text) ?? 0) + 1)
    }
    swapping = false
    await swaps
    expect(seen.get('inside')).toBeGreaterThan(0)
    // It was replaced while it was read.
    expect(seen.size).toBeGreaterThan(1)
    expect(seen.has('outside')).toBe(false)
  })
})
