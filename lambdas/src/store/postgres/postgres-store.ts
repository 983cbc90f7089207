import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Script } from '../sql/script.ts'
import { scriptedStore } from '../sql/scripted-store.ts'
import type { Store } from '../store.ts'
import { audit } from './audit.ts'
import { Database, perform } from './database.ts'
import { postgresDialect } from './dialect.ts'
import { directory } from './directory.ts'
import { dumpOf } from './dump.ts'
import { enrolmentRows } from './enrolment-rows.ts'
import { enrolments } from './enrolments.ts'
import { headParts } from './head-parts.ts'
import type { PostgresInit } from './init.ts'
import { ledger, sweeper } from './ledger.ts'
import { mapLog } from './map-log.ts'
import { memberships } from './memberships.ts'
import { offlineMembers } from './offline.ts'
import { migrate } from './migrate.ts'
import { tokens } from './tokens.ts'

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; kept out of logs and errors. */
  url: string
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

function partsOf(init: PostgresInit) {
  const chain = audit(init)
  const audited = { ...init, audit: chain }
  const rows = enrolmentRows(init)
  const log = mapLog(audited)
  const map = directory({ ...audited, rows, log })
  const joinTokens = tokens(audited)
  const held = memberships({ ...audited, rows, directory: map })
  return {
    rows,
    log,
    map,
    tokens: joinTokens,
    memberships: held,
    enrolments: enrolments({ ...audited, rows, tokens: joinTokens, directory: map, memberships: held }),
    heads: headParts(audited),
    offline: offlineMembers({ ...audited, rows, directory: map }),
    ledger: ledger(audited),
    audit: chain,
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
  const write = <T>(script: () => Script<T>): Promise<T> => db.transaction(tx => perform(tx, script()))
  const read = <T>(script: Script<T>): Promise<T> => db.read(script)
  return {
    ...scriptedStore({ read, write, relaxed: write }, { clock, dialect: postgresDialect }),
    ...part.heads,
    createToken: (...of) => part.tokens.createToken(...of),
    listTokens: page => part.tokens.listTokens(page),
    revokeToken: (...of) => part.tokens.revokeToken(...of),
    ...part.enrolments,
    readEnrolment: peerId => part.rows.find(peerId),
    findEnrolment: by => part.rows.findBy(by),
    listEnrolments: (shard, page) => part.memberships.listEnrolments(shard, page),
    amendEnrolment: (...of) => part.memberships.amendEnrolment(...of),
    endEnrolment: (...of) => part.memberships.endEnrolment(...of),
    countMembers: () => part.rows.count(),

    readHeads: () => part.log.readHeads(),
    renewEpoch: auditOf => part.log.renewEpoch(auditOf),
    putMember: record => part.map.putMember(record),
    removeMember: (...of) => part.map.removeMember(...of),
    readChanges: (shard, page) => part.log.readChanges(shard, page),

    ...part.offline,
    ...part.ledger,
    appendAudit: event => part.audit.appendAudit(event),
    chainAudit: () => part.audit.chainAudit(),
    listWaitingAudit: () => part.audit.listWaitingAudit(),
    readAuditHead: () => part.audit.readAuditHead(),
    listAudit: page => part.audit.listAudit(page),

    listen: listener => db.listen(listener),
    collectGarbage: options => part.sweep(options),
    ping: () => db.ping(),
    dump: () => dumpOf(db),
    close: () => db.close(),
  }
}
