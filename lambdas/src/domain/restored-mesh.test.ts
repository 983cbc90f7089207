import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareChains, rolledBack, signPolicy, verifyHead, type VerifiedHead } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { takeUpTable } from '../operator/restore-mesh.ts'
import { localAuthority } from '../hosts/node/local-authority.ts'
import { openMesh } from '../hosts/node/mesh-keys.ts'
import { fileKey } from '../signer/file-key.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { changeFeed } from './change-feed.ts'
import { headService } from './head.ts'
import { readPolicy } from './head-documents.ts'
import { takeUpRestored } from './restored-mesh.ts'

const second = 1_000
const start = Date.UTC(2026, 0, 1)
let data: string
let now: number
let store: Store
const clock = { now: () => now }
const file = (name: string) => join(data, name)

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'restored-'))
  now = start
  store = openSqliteStore({ file: file('mesh.db'), clock })
})
afterEach(async () => {
  await store.close()
  await rm(data, { recursive: true })
})

/** The mesh of the data folder on the current store. */
async function open(restored = false) {
  const { ring, root, files } = await openMesh({ data, store, clock, restored })
  const { keys, signer } = ring
  const mesh = { meshId: keys.meshId, keys, signer, ring, store, clock, changes: changeFeed(), publicUrl: '' }
  const head = headService(mesh)
  return {
    mesh,
    authority: localAuthority({ ...mesh, root, files }),
    head: async () => verifyHead(keys.meshId, await head.signed()),
  }
}

/** The check of a member on a head that follows the one it knows. */
const isTaken = (next: VerifiedHead, known: VerifiedHead): boolean =>
  rolledBack(known.numbers, next.numbers) === undefined &&
  ['same', 'longer'].includes(compareChains(known.keys, next.keys))

const backUp = async (): Promise<void> => {
  await store.close()
  await copyFile(file('mesh.db'), file('backup.db'))
  store = openSqliteStore({ file: file('mesh.db'), clock })
}
const restore = async (): Promise<void> => {
  await store.close()
  await copyFile(file('backup.db'), file('mesh.db'))
  store = openSqliteStore({ file: file('mesh.db'), clock })
}

describe('takeUpRestored()', () => {
  test('puts every part above what members know, with the content of the backup', async () => {
    const before = await open()
    await store.audit.appendAudit({ at: now, who: 'operator', what: 'token.create' })
    const { policy } = await before.head()
    await backUp()
    const { mesh, head } = await open()
    for (let number = 2; number < 9; number++) {
      const empty = { mesh: mesh.meshId, number, policy: { grants: [], tests: [] } }
      await store.headParts.writePart('policy', number - 1, await signPolicy(mesh.signer, empty))
    }
    const known = await head()
    await restore()
    now += 5 * second
    const again = await open(true)
    expect(isTaken(await again.head(), known)).toBe(false)
    const epoch = (await store.directory.readHeads()).epoch
    const restored = await takeUpRestored(again.mesh, 'operator')
    expect(restored).toEqual({
      lastEntryAt: start,
      numbers: { keys: 1, relays: now, policy: now, revocations: now },
    })
    const fresh = await (await open()).head()
    expect(isTaken(fresh, known)).toBe(true)
    expect(fresh).toMatchObject({ policy, numbers: restored.numbers })
    expect((await store.directory.readHeads()).epoch).not.toBe(epoch)
  })

  test('goes on from there, and rises again when repeated with a clock that stands still or steps back', async () => {
    const { mesh } = await open()
    const first = await takeUpRestored(mesh, 'operator')
    now -= 60 * second
    const repeated = await takeUpRestored(mesh, 'operator')
    expect(repeated.numbers.policy).toBe(first.numbers.policy + 1)
    const { part } = await readPolicy(mesh)
    const document = await signPolicy(mesh.signer, {
      mesh: mesh.meshId,
      number: part.number + 1,
      policy: { grants: [], tests: [] },
    })
    expect(await store.headParts.writePart('policy', part.number, document)).toMatchObject({
      number: part.number + 1,
    })
    expect((await store.audit.listAudit({ limit: 9 })).map(({ what }) => what)).toEqual([
      'restore',
      'restore',
    ])
  })
})

describe('a database of before a change of the authority key', () => {
  test.each([{ revoke: false }, { revoke: true }])(
    '(revoke: $revoke) gets the lost keys back from beside them, once it is said that it was restored',
    async ({ revoke }) => {
      await open()
      await backUp()
      const { authority, head } = await open()
      const { signsAt } = await authority.rotate({ revoke, by: 'operator' })
      now = signsAt
      await authority.settle()
      const known = await head()
      await restore()
      await expect(open()).rejects.toMatchObject({
        code: 'conflict',
        hint: expect.stringContaining('--restored'),
      })
      now += second
      const again = await open(true)
      await takeUpRestored(again.mesh, 'operator')
      const fresh = await (await open()).head()
      expect(isTaken(fresh, known)).toBe(true)
      expect(compareChains(known.keys, fresh.keys)).toBe('same')
      expect(fresh.signedBy).toBe(known.signedBy)
    },
  )

  test('on AWS gets them back from the data folder of the operator', async () => {
    await open()
    await backUp()
    const { authority, head } = await open()
    await authority.rotate({ revoke: true, by: 'operator' })
    const known = await head()
    await restore()
    now += second
    const key = await fileKey(file('authority-key.json'))
    if (key === undefined) throw new Error('there is no key')
    await takeUpTable({ data, store, clock, own: [key] })
    expect(isTaken(await (await open()).head(), known)).toBe(true)
  })
})
