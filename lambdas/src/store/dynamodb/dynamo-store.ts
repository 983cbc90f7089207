import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { DirectoryStore } from '../parts/directory.ts'
import type { EnrolmentStore } from '../parts/enrolments.ts'
import type { TokenStore } from '../parts/tokens.ts'
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
    headParts: headParts(init),
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

type DynamoParts = ReturnType<typeof partsOf>

const tokenStore = ({ outbox, tokens }: DynamoParts): TokenStore => ({
  createToken: (token, auditOf) => outbox.chained(auditOf, tokens.createToken(token, auditOf)),
  listTokens: page => tokens.listTokens(page),
  revokeToken: (id, auditOf) => outbox.chained(auditOf, tokens.revokeToken(id, auditOf)),
})

const enrolmentStore = ({ outbox, rows, enrolments, memberships }: DynamoParts): EnrolmentStore => ({
  billed: true,
  ...enrolments,
  redeem: (redemption, auditOf) => outbox.chained(auditOf, enrolments.redeem(redemption, auditOf)),
  revokeMember: (peerId, auditOf) => outbox.chained(auditOf, enrolments.revokeMember(peerId, auditOf)),
  listEnrolments: (shard, page) => memberships.listEnrolments(shard, page),
  amendEnrolment: (amendment, auditOf) =>
    outbox.chained(auditOf, memberships.amendEnrolment(amendment, auditOf)),
  endEnrolment: (peerId, serial, auditOf) =>
    outbox.chained(auditOf, memberships.endEnrolment(peerId, serial, auditOf)),
  countMembers: () => rows.count(),
})

const directoryStore = ({ outbox, changes, map, members, log, offline }: DynamoParts): DirectoryStore => ({
  ...map,
  ...members,
  ...log,
  readHeads: () => changes.heads(),
  renewEpoch: auditOf => outbox.chained(auditOf, changes.renewEpoch(auditOf)),
  removeMember: (peerId, serial, auditOf) =>
    outbox.chained(auditOf, map.removeMember(peerId, serial, auditOf)),
  removeOffline: auditOf => outbox.chained(auditOf, offline.removeOffline(auditOf)),
})

/** The store on one DynamoDB table; any number of processes may share it. Sends no request before its first use. */
export function openDynamoStore(options: DynamoStoreOptions): Store {
  const parts = partsOf(options)
  const { db, outbox, headParts, ledger } = parts
  return {
    headParts: {
      ...headParts,
      writePart: (...of) => outbox.chained(of[4], headParts.writePart(...of)),
    },
    tokens: tokenStore(parts),
    enrolments: enrolmentStore(parts),
    directory: directoryStore(parts),
    presence: parts.presence,
    health: parts.health,
    ledger: {
      ...ledger,
      writeTimeMark: (...of) => outbox.chained(of[2], ledger.writeTimeMark(...of)),
    },
    audit: { ...parts.chain, ...outbox },
    // Its stream notifies a Lambda, not a process.
    listen: () => () => {},
    // Items that are made again in operation are deleted by their TTL.
    collectGarbage: async ({ keep } = {}) => (keep === 'lapsed' ? undefined : parts.sweep()),
    ping: async () => void (await db.get(keys.epoch)),
    close: async () => db.close(),
  }
}
