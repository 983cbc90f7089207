import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nextAuditEntry, verifyAuditHead, type AuditEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { localAuthority } from '../hosts/node/local-authority.ts'
import { openMesh } from '../hosts/node/mesh-keys.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { auditPart, auditSeal } from './audit-seal.ts'
import { changeFeed } from './change-feed.ts'

const hour = 3600_000
let data: string
let now: number
let store: Store
const clock = { now: () => now }
const file = (name: string) => join(data, name)

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'seal-'))
  now = Date.UTC(2026, 0, 1)
  store = openSqliteStore({ file: file('mesh.db'), clock })
})
afterEach(async () => {
  await store.close()
  await rm(data, { recursive: true })
})

/** The seal of one process. */
async function open() {
  const { ring, root, files } = await openMesh({ data, store, clock, restored: false })
  const { keys, signer } = ring
  const mesh = { meshId: keys.meshId, keys, signer, ring, store, clock, changes: changeFeed(), publicUrl: '' }
  return {
    seal: auditSeal(mesh),
    authority: localAuthority({ ...mesh, root, files }),
    signed: async () => {
      const { document = '' } = (await store.headParts.readPart(auditPart)) ?? {}
      return verifyAuditHead(document, keys.meshId, kid => ring.keys.keyOf(kid))
    },
  }
}

const append = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await store.audit.appendAudit({ at: now, who: 'operator', what: 'policy' })
}

/** An attacker that can write the database, and has no key. */
function tamper(work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file('mesh.db'))
  work(db)
  db.close()
}

describe('the signed head of the audit', () => {
  test('follows the chain once an hour, and is not signed for nothing', async () => {
    const { seal, signed } = await open()
    await seal.seal()
    expect(await store.headParts.readPart(auditPart)).toBeUndefined()
    await append(3)
    await seal.seal()
    expect(await signed()).toMatchObject({ seq: 3, at: now })
    await append(2)
    await seal.seal()
    expect(await signed()).toMatchObject({ seq: 3 })
    now += hour
    await seal.seal()
    expect(await signed()).toEqual({ ...(await store.audit.readAuditHead()), at: now })
    const { number, document } = (await store.headParts.readPart(auditPart)) ?? {}
    now += hour
    await (await open()).seal.seal()
    expect(await store.headParts.readPart(auditPart)).toMatchObject({ number: 5, document })
    expect(number).toBe(5)
    expect(seal.warning()).toBeUndefined()
  })

  test.each([
    [
      'an entry was changed',
      (db: DatabaseSync) => db.exec(`UPDATE audit SET who = 'nobody' WHERE seq = 5`),
      /entry 5 is broken \(altered\)/,
    ],
    [
      'an entry was removed',
      (db: DatabaseSync) => db.exec('DELETE FROM audit WHERE seq = 5'),
      /entry 5 is broken \(gap\)/,
    ],
    ['the end was cut off', (db: DatabaseSync) => db.exec('DELETE FROM audit WHERE seq > 2'), /ends after 2/],
    [
      'all of it was written anew, with hashes that fit',
      (db: DatabaseSync) => {
        let head: AuditEntry = nextAuditEntry(
          { seq: 0, hash: 'A'.repeat(43) },
          { at: 1, who: 'x', what: 'join' },
        )
        db.exec('DELETE FROM audit')
        for (let seq = 1; seq <= 6; seq++) {
          const { at, who, what, prev, hash } = head
          db.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, NULL, ?, ?)').run(seq, at, who, what, prev, hash)
          head = nextAuditEntry(head, { at: 1, who: 'x', what: 'join' })
        }
      },
      /entry 4 is broken \(altered\)/,
    ],
    [
      'its signature was forged',
      (db: DatabaseSync) => db.exec(`UPDATE head_parts SET document = 'x.y.z' WHERE name = 'audit'`),
      /signature of its last head/,
    ],
  ])('stays where it was, and a warning says why, when %s', async (_, change, warning) => {
    const { seal } = await open()
    await append(3)
    await seal.seal()
    await append(3)
    tamper(change)
    const before = await store.headParts.readPart(auditPart)
    now += hour
    await seal.seal()
    expect(seal.warning()).toMatch(warning)
    expect(await store.headParts.readPart(auditPart)).toEqual(before)
  })

  test('goes on from a restored backup, which has both of one moment', async () => {
    const { seal, signed } = await open()
    await append(3)
    await seal.seal()
    await store.close()
    await copyFile(file('mesh.db'), file('backup.db'))
    store = openSqliteStore({ file: file('backup.db'), clock })
    const again = await open()
    await append(1)
    now += hour
    await again.seal.seal()
    expect(again.seal.warning()).toBeUndefined()
    expect(await signed()).toMatchObject({ seq: 4 })
  })

  test('is signed anew at once when its key was revoked', async () => {
    const { seal, authority, signed } = await open()
    await append(1)
    await seal.seal()
    await authority.rotate({ revoke: true, by: 'operator' })
    await expect(signed()).rejects.toMatchObject({ code: 'unauthenticated' })
    await seal.seal()
    expect(await signed()).toMatchObject(await store.audit.readAuditHead())
  })
})
