/**
 * A member's memory on disk: own documents, head, and the pairs of the map, in one SQLite file. While its disk is full all of it
 * is in memory, and is written back when there is room.
 */
import { existsSync } from 'node:fs'
import { MeshError, type MapChange } from '@agent-mesh/protocol'
import { openDatabase, type Database } from '../identity/database.ts'
import { makePrivate } from '../identity/private-file.ts'
import { diskFull, hasRoom, isNoRoom } from './disk-room.ts'
import { toChange, type MapRow } from './map-rows.ts'

/** Own documents by key. */
export type StoredKey =
  | 'controlPlane'
  | 'credential'
  | 'joinedWith'
  | 'wishes'
  | 'nameShown'
  | 'head'
  | 'incarnation'
  | 'homeSeq'
  | 'cursor'
  | 'goodAddresses'

export interface MemberStore {
  get(key: StoredKey): string | undefined
  set(key: StoredKey, value: string): void
  /** All pairs and removals of the map. */
  changes(): MapChange[]
  /** The pair of a member; undefined: there is none, or it was removed. */
  pair(peerId: string): { record: string; credential: string } | undefined
  /** Those of one shard after number `v`, in order. */
  changesAfter(shard: number, v: number, limit: number): MapChange[]
  /**
   * Writes changes and the cursor after them as one transaction. Of those `outdone` by the pair that is stored, only
   * the number is taken: it is of the cursor's epoch, the stored one perhaps of an older.
   */
  apply(changes: readonly MapChange[], cursor: string, outdone?: readonly MapChange[]): void
  /**
   * Writes a pair that its owner showed; its number stays that of the map, 0 when the map has none yet.
   * @returns whether it was taken: a removal of the same enrolment stands
   */
  meet(pair: { peerId: string; record: string; credential: string; serial: string }): boolean
  forget(peerIds: Iterable<string>): void
  /** What is wrong with its disk now, for `status`. */
  readonly warning: string | undefined
  /** Whether a crash loses what was written since the disk was full. */
  readonly inMemory: boolean
  close(): void
}

const schema = `
  CREATE TABLE IF NOT EXISTS own (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS map (
    peer_id TEXT PRIMARY KEY, shard INTEGER NOT NULL, v INTEGER NOT NULL,
    record TEXT, credential TEXT, gone TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS map_by_number ON map (shard, v);
`

/** Damage is found here, with the file's name, and not in the middle of a call: some 10 ms for a full map. */
function checkWhole(db: Database): void {
  const [found] = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})
  if (found !== 'ok') throw new Error(`it is damaged (${String(found).split('\n').join(' ')})`)
}

type MemberRows = Omit<MemberStore, 'warning' | 'inMemory' | 'close'>

/** The statements over an open database. */
function memberRows(db: Database): MemberRows {
  const read = db.prepare('SELECT value FROM own WHERE key = ?')
  const write = db.prepare(
    'INSERT INTO own VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  )
  const put = db.prepare(
    `INSERT INTO map VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (peer_id) DO UPDATE SET shard = excluded.shard,
     v = excluded.v, record = excluded.record, credential = excluded.credential, gone = excluded.gone`,
  )
  const renumber = db.prepare('UPDATE map SET shard = ?, v = ? WHERE peer_id = ?')
  const met = db.prepare(
    `INSERT INTO map VALUES (?, 0, 0, ?, ?, NULL) ON CONFLICT (peer_id) DO UPDATE SET record = excluded.record,
     credential = excluded.credential, gone = NULL WHERE gone IS NULL OR gone <> ?`,
  )
  const drop = db.prepare('DELETE FROM map WHERE peer_id = ?')
  const all = db.prepare('SELECT * FROM map ORDER BY shard, v')
  const one = db.prepare('SELECT record, credential FROM map WHERE peer_id = ? AND record IS NOT NULL')
  const after = db.prepare('SELECT * FROM map WHERE shard = ? AND v > ? ORDER BY v LIMIT ?')
  const set = (key: StoredKey, value: string) => void write.run(key, value)
  const transaction = (work: () => void) => {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
  return {
    get: key => (read.get(key) as { value: string } | undefined)?.value,
    set,
    changes: () => (all.all() as unknown as MapRow[]).map(toChange),
    pair: peerId => one.get(peerId) as { record: string; credential: string } | undefined,
    changesAfter: (shard, v, limit) => (after.all(shard, v, limit) as unknown as MapRow[]).map(toChange),
    apply: (changes, cursor, outdone = []) =>
      transaction(() => {
        for (const { peerId, shard, v } of outdone) renumber.run(shard, v, peerId)
        for (const change of changes) {
          const { peerId, shard, v } = change
          if ('gone' in change) put.run(peerId, shard, v, null, null, String(change.gone))
          else put.run(peerId, shard, v, String(change.record), String(change.credential), null)
        }
        set('cursor', cursor)
      }),
    meet: ({ peerId, record, credential, serial }) => met.run(peerId, record, credential, serial).changes > 0,
    forget: peerIds =>
      transaction(() => {
        for (const peerId of peerIds) drop.run(peerId)
      }),
  }
}

const tuning = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;'

function opened(file: string, pragmas: string): Database {
  const db = openDatabase(file, 5000)
  try {
    db.exec(pragmas)
    checkWhole(db)
    db.exec(schema)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function open(file: string): Database {
  try {
    if (file !== ':memory:') makePrivate(file)
    return opened(file, tuning)
  } catch (cause) {
    throw isNoRoom(cause, file) ? diskFull(file, cause) : notOpened(file, cause)
  }
}

/** The index of the write-ahead log, which other processes share, finds no room: it is kept in memory. */
const cramped = `PRAGMA locking_mode = EXCLUSIVE; ${tuning}`

/** What is on a full disk, in memory. @throws MeshError unavailable */
function readFull(file: string): Database {
  try {
    const db = opened(file, cramped)
    try {
      return copied(db, openDatabase(':memory:', 0))
    } finally {
      db.close()
    }
  } catch (cause) {
    throw isNoRoom(cause, file) ? diskFull(file, cause) : notOpened(file, cause)
  }
}

/** Makes `to` hold what `from` holds; closes it when it has no room for that. @returns `to` */
function copied(from: Database, to: Database): Database {
  try {
    to.exec(schema)
    to.exec('BEGIN IMMEDIATE')
    to.exec('DELETE FROM own; DELETE FROM map;')
    for (const [table, columns] of [['own', 2] as const, ['map', 6] as const]) {
      const insert = to.prepare(`INSERT INTO ${table} VALUES (${new Array(columns).fill('?').join()})`)
      for (const row of from.prepare(`SELECT * FROM ${table}`).iterate()) insert.run(...Object.values(row))
    }
    to.exec('COMMIT')
    return to
  } catch (error) {
    to.close()
    throw error
  }
}

const notOpened = (file: string, cause: unknown) =>
  new MeshError(
    'unavailable',
    `Cannot open ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      cause,
      hint: `Nothing was changed. Check permissions and free space; if the file is damaged, restore it from a backup, or move it away and join again with --join TOKEN: the identity stays.`,
    },
  )

/** Until a full disk is looked at again, ms. */
const lookMs = 5_000

/**
 * Opens or creates the store. One that exists on a full disk is read, and kept in memory until there is room.
 * @param file path, or `:memory:`
 * @throws MeshError unavailable
 */
export function openMemberStore(file: string): MemberStore {
  return new MemberFile(file)
}

class MemberFile implements MemberStore {
  readonly #file: string
  #db: Database
  #rows: MemberRows
  #inMemory = false
  /** Whether memory holds what the file does not. */
  #dirty = false
  #timer: NodeJS.Timeout | undefined

  constructor(file: string) {
    this.#file = file
    const existed = file !== ':memory:' && existsSync(file)
    try {
      this.#db = open(file)
    } catch (error) {
      if (!existed || hasRoom(file)) throw error
      this.#db = readFull(file)
      this.#leaveDisk()
    }
    this.#rows = memberRows(this.#db)
  }

  get inMemory(): boolean {
    return this.#inMemory
  }

  get warning(): string | undefined {
    if (!this.#inMemory && hasRoom(this.#file)) return undefined
    return `disk full: ${this.#file} takes no more; what changes is kept in memory, and written when there is room`
  }

  get = (key: StoredKey) => this.#rows.get(key)
  changes = () => this.#rows.changes()
  pair = (peerId: string) => this.#rows.pair(peerId)
  changesAfter = (shard: number, v: number, limit: number) => this.#rows.changesAfter(shard, v, limit)
  set = (key: StoredKey, value: string) => this.#write(rows => rows.set(key, value))
  apply = (...args: Parameters<MemberStore['apply']>) => this.#write(rows => rows.apply(...args))
  meet = (pair: Parameters<MemberStore['meet']>[0]) => this.#write(rows => rows.meet(pair))
  forget = (peerIds: Iterable<string>) => this.#write(rows => rows.forget(peerIds))

  close(): void {
    clearInterval(this.#timer)
    if (!this.#db.isOpen) return
    if (this.#inMemory && this.#dirty) this.#returnToDisk()
    this.#db.close()
  }

  #write<T>(work: (rows: MemberRows) => T): T {
    this.#dirty ||= this.#inMemory
    try {
      return work(this.#rows)
    } catch (cause) {
      if (this.#inMemory || !isNoRoom(cause, this.#file)) throw cause
      this.#use(copied(this.#db, openDatabase(':memory:', 0)))
      this.#leaveDisk()
      this.#dirty = true
      return work(this.#rows)
    }
  }

  #use(db: Database): void {
    const before = this.#db
    this.#db = db
    this.#rows = memberRows(db)
    before.close()
  }

  #leaveDisk(): void {
    this.#inMemory = true
    this.#timer = setInterval(() => this.#returnToDisk(), lookMs).unref()
  }

  /** Never throws: without room it stays in memory. */
  #returnToDisk(): void {
    if (!hasRoom(this.#file)) return
    try {
      const db = open(this.#file)
      this.#use(this.#dirty ? copied(this.#db, db) : db)
    } catch {
      return
    }
    clearInterval(this.#timer)
    this.#inMemory = this.#dirty = false
  }
}
