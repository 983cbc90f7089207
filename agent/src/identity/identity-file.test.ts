import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createIdentity, identityPath, loadIdentity, openIdentity } from './identity-file.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'identity-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('identity file', () => {
  it('keeps one identity over restarts', async () => {
    const created = await openIdentity(root)
    const loaded = await openIdentity(root)
    expect(loaded.peerId).toBe(created.peerId)
    expect(loaded.rawPrivateKey()).toEqual(created.rawPrivateKey())
  })

  it('is readable by its owner alone, in a folder of its owner alone', async () => {
    const dir = join(root, 'data')
    await createIdentity(dir)
    expect((await stat(identityPath(dir))).mode & 0o777).toBe(0o600)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
  })

  it('leaves no temporary file', async () => {
    await createIdentity(root)
    expect(await readdir(root)).toEqual(['identity.json'])
  })

  it('is refused when others may read it, with the way out', async () => {
    await createIdentity(root)
    await chmod(identityPath(root), 0o640)
    await expect(loadIdentity(root)).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('its mode is 0640') as string,
      hint: expect.stringContaining('chmod 600') as string,
    })
  })

  it('is never overwritten by create', async () => {
    await createIdentity(root)
    const before = await readFile(identityPath(root), 'utf8')
    await expect(createIdentity(root)).rejects.toMatchObject({ code: 'conflict' })
    expect(await readFile(identityPath(root), 'utf8')).toBe(before)
    expect(await readdir(root)).toEqual(['identity.json'])
  })

  it.each([
    ['not JSON', '{'],
    ['another version', '{"version":2}'],
    ['a list', '[]'],
    ['nothing', ''],
    ['no key', '{"version":1,"peerId":"x"}'],
  ])('holding %s names the file and the way out, and stays as it is', async (_, text) => {
    await writeFile(identityPath(root), text, { mode: 0o600 })
    await expect(openIdentity(root)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(identityPath(root)) as string,
      hint: expect.stringContaining('enrol again') as string,
    })
    expect(await readFile(identityPath(root), 'utf8')).toBe(text)
  })

  it('is refused when the halves of its key do not belong together', async () => {
    const [one, two] = [await createIdentity(join(root, 'a')), await createIdentity(join(root, 'b'))]
    const privateJwk = { ...one.privateJwk(), x: two.publicJwk.x }
    await writeFile(identityPath(root), JSON.stringify({ version: 1, peerId: two.peerId, privateJwk }), {
      mode: 0o600,
    })
    await expect(loadIdentity(root)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('of two processes that start at once only one wins', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => createIdentity(root)))
    expect(results.filter(result => result.status === 'fulfilled')).toHaveLength(1)
  })

  it('opened by several processes at once is the same for all', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => openIdentity(root)))
    expect(new Set(all.map(identity => identity.peerId)).size).toBe(1)
  })

  it('does not show its key when logged', async () => {
    const identity = await createIdentity(root)
    const shown = inspect({ identity }, { depth: 9 }) + JSON.stringify({ identity })
    expect(shown).toContain(identity.peerId)
    expect(shown).not.toContain(identity.privateJwk().d)
  })
})
