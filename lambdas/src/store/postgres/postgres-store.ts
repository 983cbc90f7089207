import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Store } from '../store.ts'
import { audit } from './audit.ts'
import { Database } from './database.ts'
import { directory } from './directory.ts'
import { dumpOf } from './dump.ts'
import { enrolmentRows } from './enrolment-rows.ts'
import { enrolments } from './enrolments.ts'
import { healthRollUps } from './health-roll-ups.ts'
import { headParts } from './head-parts.ts'
import type { PostgresInit } from './init.ts'
import { ledger, sweeper } from './ledger.ts'
import { mapLog } from './map-log.ts'
import { members } from './members.ts'
import { offlineMembers } from './offline.ts'
import { migrate } from './migrate.ts'
import { presence } from './presence.ts'
import { tokens } from './tokens.ts'

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; kept out of logs and errors. */
  url: string
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

function partsOf(init: PostgresInit) {
  const rows = enrolmentRows(init)
  const log = mapLog(init)
  const map = directory({ ...init, rows, log })
  const joinTokens = tokens(init)
  return {
    rows,
    log,
    map,
    tokens: joinTokens,
    enrolments: enrolments({ ...init, rows, tokens: joinTokens, directory: map }),
    heads: headParts(init),
    members: members(init),
    presence: presence(init),
    offline: offlineMembers({ ...init, rows, directory: map }),
    health: healthRollUps(init),
    ledger: ledger(init),
    audit: audit(init),
    sweep: sweeper({ ...init, directory: map }),
  }
}

/**
 * The store in a PostgreSQL database, version 13 or later; any number of processes may share it. Brings the schema
 * up to date.
 * @throws MeshError unavailable when the database does not answer, unsupported when a newer build wrote it
 */
export async function openPostgresStore({
  url,
  clock = systemClock,
  maxMembers = defaultMaxMembers,
}: PostgresStoreOptions): Promise<Store> {
  const db = new Database(url)
  try {
    await migrate(db)
  } catch (error) {
    await db.close()
    throw error
  }
  const part = partsOf({ db, clock, maxMembers })
  return {
    ...part.heads,
    createToken: token => part.tokens.createToken(token),
    listTokens: page => part.tokens.listTokens(page),
    revokeToken: id => part.tokens.revokeToken(id),
    ...part.enrolments,
    readEnrolment: peerId => part.rows.find(peerId),
    findEnrolment: by => part.rows.findBy(by),
    countMembers: () => part.rows.count(),

    readHeads: () => part.log.readHeads(),
    renewEpoch: () => part.log.renewEpoch(),
    putMember: record => part.map.putMember(record),
    removeMember: (peerId, serial) => part.map.removeMember(peerId, serial),
    ...part.members,
    readChanges: (shard, page) => part.log.readChanges(shard, page),

    ...part.presence,
    ...part.offline,
    ...part.health,
    ...part.ledger,
    ...part.audit,

    listen: listener => db.listen(listener),
    collectGarbage: options => part.sweep(options),
    ping: () => db.ping(),
    dump: () => dumpOf(db),
    close: () => db.close(),
  }
}
