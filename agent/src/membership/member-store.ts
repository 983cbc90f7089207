/**
 * A member's memory on disk: own documents, head, and the pairs of the map, in one SQLite file.
 */
import { MeshError, type MapChange } from '@agent-mesh/protocol'
import { openDatabase, type Database } from '../identity/database.ts'

/** Own documents by key. */
export type StoredKey =
  | 'controlPlane'
  | 'credential'
  | 'joinedWith'
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

interface Row {
  peer_id: string
  shard: number
  v: number
  record: string | null
  credential: string | null
  gone: string | null
}

const toChange = (row: Row): MapChange =>
  row.gone === null
    ? {
        shard: row.shard,
        v: row.v,
        peerId: row.peer_id,
        record: row.record ?? '',
        credential: row.credential ?? '',
      }
    : { shard: row.shard, v: row.v, peerId: row.peer_id, gone: row.gone }

/** Damage is found here, with the file's name, and not in the middle of a call: some 10 ms for a full map. */
function checkWhole(db: Database): void {
  const [found] = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})
  if (found !== 'ok') throw new Error(`it is damaged (${String(found).split('\n').join(' ')})`)
}

function open(file: string): Database {
  try {
    const db = openDatabase(file, 5000)
    try {
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
      checkWhole(db)
      db.exec(schema)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  } catch (cause) {
    throw new MeshError(
      'unavailable',
      `Cannot open ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        hint: `Nothing was changed. Check permissions and free space; if the file is damaged, restore it from a backup, or move it away and join again with --join TOKEN: the identity stays.`,
      },
    )
  }
}

/** Opens or creates the store. @param file path, or `:memory:` @throws MeshError unavailable */
export function openMemberStore(file: string): MemberStore {
  const db = open(file)
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
  const after = db.prepare('SELECT * FROM map WHERE shard = ? AND v > ? ORDER BY v LIMIT ?')
  const set = (key: StoredKey, value: string) => void write.run(key, value)
  const transaction = (work: () => void) => {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
  return {
    get: key => (read.get(key) as { value: string } | undefined)?.value,
    set,
    changes: () => (all.all() as unknown as Row[]).map(toChange),
    changesAfter: (shard, v, limit) => (after.all(shard, v, limit) as unknown as Row[]).map(toChange),
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
    close: () => {
      if (db.isOpen) db.close()
    },
  }
}
