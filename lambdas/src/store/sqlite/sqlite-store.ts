import { shardOf } from '@agent-mesh/protocol/map-cursor'
import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import { scriptedStore, type ScriptRunner } from '../sql/scripted-store.ts'
import type { Store } from '../store.ts'
import { audit } from './audit.ts'
import { Database } from './database.ts'
import { sqliteDialect } from './dialect.ts'
import type { SqliteInit } from './init.ts'
import { directory } from './directory.ts'
import { enrolmentRows } from './enrolment-rows.ts'
import { enrolments } from './enrolments.ts'
import { headParts } from './head-parts.ts'
import { ledger, sweepLapsed, sweepPassing } from './ledger.ts'
import { mapLog } from './map-log.ts'
import { offlineMembers } from './offline.ts'
import { memberships } from './memberships.ts'
import { tokens } from './tokens.ts'

export interface SqliteStoreOptions {
  /** Database file; made when missing. */
  file: string
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

function partsOf(init: SqliteInit) {
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
  }
}

const runnerOf = (db: Database): ScriptRunner => ({
  read: async script => db.perform(script),
  write: async script => db.transaction(() => db.perform(script())),
  relaxed: async script => db.relaxed(() => db.perform(script())),
})

/**
 * The store on one SQLite file; several processes may share it.
 * @throws MeshError invalid_argument when the file is no database, unsupported when a newer build wrote it
 */
export function openSqliteStore({
  file,
  clock = systemClock,
  maxMembers = defaultMaxMembers,
}: SqliteStoreOptions): Store {
  const db = new Database(file)
  const init = { db, clock, maxMembers }
  const part = partsOf(init)
  const write = <T>(work: () => T): T => db.transaction(work)
  return {
    ...scriptedStore(runnerOf(db), { clock, dialect: sqliteDialect }),
    readPart: async name => part.heads.readPart(name),
    readParts: async () => part.heads.readParts(),
    writePart: async (...of) => write(() => part.heads.writePart(...of)),

    createToken: async (...of) => write(() => part.tokens.createToken(...of)),
    listTokens: async page => part.tokens.listTokens(page),
    revokeToken: async (...of) => write(() => part.tokens.revokeToken(...of)),
    redeem: async (redemption, auditOf) => {
      const shard = await shardOf(redemption.peerId)
      return write(() => part.enrolments.redeem(redemption, shard, auditOf))
    },
    readEnrolment: async peerId => part.rows.find(peerId),
    findEnrolment: async by => part.rows.findBy(by),
    listEnrolments: async (shard, page) => part.memberships.listEnrolments(shard, page),
    amendEnrolment: async (...of) => write(() => part.memberships.amendEnrolment(...of)),
    endEnrolment: async (...of) => write(() => part.memberships.endEnrolment(...of)),
    recordCredential: async issue => write(() => part.enrolments.recordCredential(issue)),
    revokeMember: async (...of) => write(() => part.enrolments.revokeMember(...of)),
    countMembers: async () => part.rows.count(),

    readHeads: async () => part.log.readHeads(),
    renewEpoch: async auditOf => write(() => part.log.renewEpoch(auditOf)),
    putMember: async record => write(() => part.map.putMember(record)),
    removeOffline: async auditOf => write(() => part.offline(auditOf)),
    removeMember: async (...of) => write(() => part.map.removeMember(...of)),
    readChanges: async (shard, page) => part.log.readChanges(shard, page),

    claimNonce: async (nonce, expiresAt) => part.ledger.claimNonce(nonce, expiresAt),
    readTimeMark: async () => part.ledger.readTimeMark(),
    writeTimeMark: async (...of) => write(() => part.ledger.writeTimeMark(...of)),
    appendAudit: async event => part.audit.appendAudit(event),
    chainAudit: async () => part.audit.chainAudit(),
    listWaitingAudit: async () => part.audit.listWaitingAudit(),
    readAuditHead: async () => part.audit.readAuditHead(),
    listAudit: async page => part.audit.listAudit(page),

    // A file tells nobody.
    listen: () => () => {},
    collectGarbage: async ({ keep } = {}) =>
      write(() => {
        sweepPassing(init)
        if (keep !== 'lapsed') sweepLapsed({ ...init, directory: part.map })
      }),
    ping: async () => db.ping(),
    dump: () => db.dump(),
    close: async () => db.close(),
  }
}
