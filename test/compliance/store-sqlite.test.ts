import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openSqliteStore, type Store } from '@agent-mesh/lambdas'
import { formatAuditLine, parseAuditLine, verifyAuditChain } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backupSuite } from './backup.ts'
import { earlierAudit } from './earlier-audit.ts'
import { testClock, tokenOf, type SetupOptions } from './store-fixture.ts'
import { storeCompliance } from './store.ts'
import { joinsSuite } from './store-joins.ts'
import { wrongClockSuite } from './wrong-clock.ts'

const failingAudit = `CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no audit'); END`

async function onFileItself(file: string, sql: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
}

const onFile = (handles: number) => ({
  async setup(options: SetupOptions) {
    const dir = await mkdtemp(join(tmpdir(), 'mesh-store-'))
    const file = join(dir, 'store.db')
    const open = (): Store => openSqliteStore({ file, ...options })
    const stores: [Store, ...Store[]] = [open(), ...Array.from({ length: handles - 1 }, open)]
    const teardown = async (): Promise<void> => {
      for (const store of stores) await store.close()
      await rm(dir, { recursive: true })
    }
    const breakAudit = async () => {
      await onFileItself(file, failingAudit)
      return () => onFileItself(file, 'DROP TRIGGER no_audit')
    }
    return { stores, breakAudit, teardown }
  },
})

storeCompliance('SQLite', onFile(1))
storeCompliance('SQLite, two connections on one file', onFile(2))
joinsSuite('SQLite', onFile(8))
wrongClockSuite('SQLite')
backupSuite('SQLite', data => Promise.resolve({ kind: 'sqlite', file: join(data, 'control-plane.db') }))

describe('a SQLite file', () => {
  let dir: string
  beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'mesh-store-'))))
  afterEach(() => rm(dir, { recursive: true }))

  test('keeps its epoch and contents when it is opened again', async () => {
    const file = join(dir, 'store.db')
    const first = openSqliteStore({ file })
    await first.headParts.writePart('policy', 0, 'one')
    const heads = await first.directory.readHeads()
    await first.close()
    const again = openSqliteStore({ file })
    expect(await again.directory.readHeads()).toEqual(heads)
    expect(await again.headParts.readPart('policy')).toMatchObject({ document: 'one' })
    await again.close()
  })

  test('that is no database is named and left as it is', async () => {
    const file = join(dir, 'store.db')
    await writeFile(file, 'certainly not a database, but long enough to be taken for one'.repeat(100))
    const before = await readFile(file)
    expect(() => openSqliteStore({ file })).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    expect(() => openSqliteStore({ file })).toThrow(file)
    expect(await readFile(file)).toEqual(before)
  })

  test('of an earlier version keeps its audit chain, which goes on', async () => {
    const file = join(dir, 'store.db')
    await openSqliteStore({ file }).close()
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(file)
    for (const line of earlierAudit) {
      const { seq, at, who, what, detail, prev, hash } = parseAuditLine(line)
      const values = [seq, at, who, what, JSON.stringify(detail), prev, hash] as const
      db.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)').run(...values)
    }
    db.close()
    const store = openSqliteStore({ file })
    await store.tokens.createToken(tokenOf(testClock()), ({ hash }) => ({
      at: 1,
      who: hash,
      what: 'token.create',
    }))
    const entries = await store.audit.listAudit({ limit: 100 })
    expect(entries.map(formatAuditLine).slice(0, -1)).toEqual(earlierAudit)
    expect(entries).toHaveLength(earlierAudit.length + 1)
    expect(verifyAuditChain(entries)).toBeUndefined()
    await store.close()
  })

  test('of a newer build is refused', async () => {
    const file = join(dir, 'store.db')
    await openSqliteStore({ file }).close()
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(file)
    db.exec('PRAGMA user_version = 99')
    db.close()
    expect(() => openSqliteStore({ file })).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  test('shared by four processes gives a token of 50 uses to exactly 50 of 200', async () => {
    const file = join(dir, 'store.db')
    const store = openSqliteStore({ file })
    const clock = { ...testClock(), now: () => Date.now() }
    const { hash } = await store.tokens.createToken(tokenOf(clock, { uses: 50 }))
    const worker = join(import.meta.dirname, 'redeem-worker.ts')
    const run = (i: number) =>
      promisify(execFile)(process.execPath, [worker, file, hash, `process-${i}`, '50'])
    const outputs = await Promise.all([0, 1, 2, 3].map(run))
    const counts = outputs.map(({ stdout }) => JSON.parse(stdout) as { won: number; refused: number })
    expect(counts.reduce((sum, { won }) => sum + won, 0)).toBe(50)
    expect(counts.reduce((sum, { refused }) => sum + refused, 0)).toBe(150)
    expect(await store.enrolments.countMembers()).toBe(50)
    await store.close()
  })
})
