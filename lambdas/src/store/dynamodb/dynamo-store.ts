import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Store } from '../store.ts'
import { auditChain } from './audit.ts'
import { auditOutbox } from './audit-outbox.ts'
import { mapChanges } from './changes.ts'
import { KeyedQueue } from './contention.ts'
import { directory } from './directory.ts'
import { Dynamo, type DynamoOptions } from './dynamo.ts'
import { enrolments } from './enrolments.ts'
import { healthRollUps } from './health-roll-ups.ts'
import { headParts } from './head-parts.ts'
import { ledger } from './ledger.ts'
import { mapLog } from './map-log.ts'
import { memberItems } from './member-items.ts'
import { members } from './members.ts'
import { memberships } from './memberships.ts'
import { memberNames } from './names.ts'
import { offlineMembers } from './offline.ts'
import { presence } from './presence.ts'
import { sweeper } from './sweep.ts'
import { keys } from './table.ts'
import { tokens } from './tokens.ts'

export interface DynamoStoreOptions extends DynamoOptions {
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

/** Every part of the adapter over one table. */
function partsOf({ clock = systemClock, maxMembers = defaultMaxMembers, ...options }: DynamoStoreOptions) {
  const db = new Dynamo(options)
  const queue = new KeyedQueue()
  const chain = auditChain({ db, queue })
  const outbox = auditOutbox({ db, chain })
  const init = { db, clock, maxMembers, queue, audit: outbox }
  const rows = memberItems(init)
  const changes = mapChanges(init)
  const joinTokens = tokens(init)
  const names = memberNames(init)
  const held = memberships({ ...init, members: rows, changes, names, tokens: joinTokens })
  return {
    db,
    rows,
    changes,
    tokens: joinTokens,
    heads: headParts(init),
    map: directory({ ...init, members: rows, changes }),
    memberships: held,
    enrolments: enrolments({
      ...init,
      members: rows,
      changes,
      names,
      tokens: joinTokens,
      memberships: held,
    }),
    log: mapLog(init),
    members: members(init),
    presence: presence(init),
    offline: offlineMembers({ ...init, members: rows, changes }),
    health: healthRollUps(init),
    ledger: ledger(init),
    chain,
    outbox,
    sweep: sweeper({ ...init, members: rows, changes }),
  }
}

/** The store on one DynamoDB table; any number of processes may share it. Asks nothing before it is used. */
export function openDynamoStore(options: DynamoStoreOptions): Store {
  const part = partsOf(options)
  const { db, outbox } = part
  /** What was put on record gets its place in the chain, when there is something. */
  const chained = <T>(auditOf: unknown, work: Promise<T>): Promise<T> =>
    auditOf === undefined ? work : outbox.after(work)
  return {
    ...part.heads,
    writePart: (...of) => chained(of[4], part.heads.writePart(...of)),
    createToken: (token, auditOf) => chained(auditOf, part.tokens.createToken(token, auditOf)),
    listTokens: page => part.tokens.listTokens(page),
    revokeToken: (id, auditOf) => chained(auditOf, part.tokens.revokeToken(id, auditOf)),
    ...part.enrolments,
    redeem: (redemption, auditOf) => chained(auditOf, part.enrolments.redeem(redemption, auditOf)),
    revokeMember: (peerId, auditOf) => chained(auditOf, part.enrolments.revokeMember(peerId, auditOf)),
    listEnrolments: (shard, page) => part.memberships.listEnrolments(shard, page),
    amendEnrolment: (amendment, auditOf) =>
      chained(auditOf, part.memberships.amendEnrolment(amendment, auditOf)),
    endEnrolment: (peerId, serial, auditOf) =>
      chained(auditOf, part.memberships.endEnrolment(peerId, serial, auditOf)),
    countMembers: () => part.rows.count(),

    readHeads: () => part.changes.heads(),
    renewEpoch: auditOf => chained(auditOf, part.changes.renewEpoch(auditOf)),
    ...part.map,
    removeMember: (peerId, serial, auditOf) =>
      chained(auditOf, part.map.removeMember(peerId, serial, auditOf)),
    ...part.members,
    ...part.log,
    ...part.presence,
    removeOffline: auditOf => chained(auditOf, part.offline.removeOffline(auditOf)),
    ...part.health,
    ...part.ledger,
    writeTimeMark: (expected, next, auditOf) =>
      chained(auditOf, part.ledger.writeTimeMark(expected, next, auditOf)),
    appendAudit: event => outbox.appendAudit(event),
    chainAudit: () => outbox.chainAudit(),
    listWaitingAudit: limit => outbox.listWaitingAudit(limit),
    readAuditHead: () => part.chain.readAuditHead(),
    listAudit: page => part.chain.listAudit(page),

    // Its stream tells a Lambda, not a process.
    listen: () => () => {},
    // What is made again by itself goes by its TTL.
    collectGarbage: async ({ keep } = {}) => (keep === 'lapsed' ? undefined : part.sweep()),
    ping: async () => void (await db.get(keys.epoch)),
    close: async () => db.close(),
  }
}

/**
 * Answers when the table is there, made first where `create` says so: for DynamoDB Local, a stack makes its own.
 * @param expiry whether DynamoDB deletes what its TTL says, by its own clock
 * @throws MeshError not_found when there is no such table, unavailable when DynamoDB does not answer
 */
export async function prepareDynamoTable(
  options: DynamoOptions,
  { create = false, expiry = true }: { create?: boolean; expiry?: boolean } = {},
): Promise<void> {
  const db = new Dynamo(options)
  try {
    if (create) await db.createTable(expiry)
    await db.describe()
  } finally {
    db.close()
  }
}
