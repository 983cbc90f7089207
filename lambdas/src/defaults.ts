/** Every default of the control plane: value, unit, reason. What both sides must agree on is in protocol/limits. */
import { limits } from '@agent-mesh/protocol'

const second = 1_000
const mebibyte = 1024 * 1024
const minute = 60 * second
const day = 24 * 60 * minute

/** How long directory changes can be replayed from a cursor, ms. */
export const mapLogRetentionMs = 7 * day

/** How long a removed member stays as a tombstone, ms: one day longer than any credential of it can live. */
export const tombstoneMs = 22 * day

/** How long a revocation stays in the signed list, ms: one day longer than any credential of the member can live. */
export const revocationListedMs = 22 * day

/** How long a lease of a relay lives without a report, ms: two missed reports of 120 s and some slack. */
export const leaseMs = 300 * second

/** How long a dead lease is kept so that its relay can go on where it was, ms. */
export const leaseRetentionMs = day

/** How many agents and relays a mesh takes; every agent holds every pair (8 MB at this number). */
export const maxMembers = 5_000

/** A head signed longer ago is signed anew when asked for, ms: members warn about old ones. */
export const headFreshMs = minute

/**
 * Parts of the head are read at most this often, ms: with 200 relays they have 60 KB, and a fleet of 1,000 relays asks 17
 * times a second. Changes of the same process are told at once; those of others are pushed to watchers meanwhile.
 */
export const headPartsFreshMs = 2 * second

/** Health is computed at most this often, ms: it reads the whole directory. */
export const healthFreshMs = 2 * second

/** Members read at once when health is summed up; requests are answered between two pages. */
export const healthPage = 500

/**
 * Health that nobody asked for waits so long for each member it read last time, ms: 17 members a second cost $9 a month
 * however many there are, a mesh of 5,000 is looked at each 5 minutes.
 */
export const healthMemberMs = 60

/** One roll-up of health a step, ms, kept for a day: 288 points a region, enough to see a bad quarter of an hour. */
export const healthHistoryTimes = { stepMs: 5 * minute, keptMs: day } as const

/** How long a roll-up is being made before another process makes it, too, ms; also how often one is looked for. */
export const healthCheckMs = minute

/**
 * What one address may do: so much at once, so much a second, and what each thing costs: a newcomer asks for the bootstrap
 * and enrols. 300 agents behind one NAT may join at once; a guesser has 15 tries and then one each 10 s. So many addresses are
 * remembered, 100 bytes each; and so many members that were accepted, who are served although a stranger behind their NAT
 * guesses, with the addresses they came from.
 */
export const sourceLimit = {
  most: 600,
  perSecond: 4,
  costs: { asked: 1, enrolled: 1, refused: 40 },
  sources: 20_000,
  members: 20_000,
  memberAddresses: 20_000,
} as const

/**
 * A credential issued so recently, ms, is its own renewal: whoever asks gets it again, with no signature and no entry in the
 * audit log. Members ask from day 7 on, so in order a renewal is always of an older one.
 */
export const credentialFreshMs = day

/**
 * What one member may ask of one process: so much at once, so much a second. Writes and health, which is a sum over all
 * members, cost a write each; the rest costs reads, 1 unless listed. A relay reports each 5 s at most, a page of the map is
 * up to 1 MiB. So many members are remembered, 200 bytes each.
 */
export const memberLimit = {
  writes: { most: 120, perSecond: 2 },
  reads: { most: 600, perSecond: 20 },
  costs: { 'GET /v1/map': 10, 'GET /v1/members': 10 },
  members: 20_000,
} as const

/**
 * The head of the audit chain is signed this often, ms, and read a page of entries at a time for it: each is a signature of
 * KMS and a head pushed to every watcher.
 */
export const auditSealTimes = { everyMs: 60 * minute, page: 1_000 } as const

/** An entry that waited stands so much later than its time in the audit chain at most, ms: sweeps come more often. */
export const auditLateMs = 60 * minute

/**
 * Memory for request bodies that are being read in this process, bytes: 32 of the largest. Bodies by keys that are no member's
 * take a sixteenth at most, 64 of the largest of theirs or 1,000 of the usual size: strangers leave room for members.
 */
export const bodyBudget = { all: 16 * mebibyte, strangers: mebibyte } as const

/** A nonce is remembered this long, ms: three times what a request's time may be off. */
export const nonceMs = 180 * second

/** A member that is denied the same again within this time is on record already, ms; of so many members and targets. */
export const deniedAgain = { ms: minute, remembered: 1_024 } as const

/** Members in one page of a list unless asked for otherwise, and at most. */
export const listPage = { usual: 100, most: limits.listed } as const

/** Relays that a stranger is told at most: enough to measure and to choose from, not a list of all. */
export const strangerRelays = 16

/** The ETag of the bootstrap changes this often though nothing else does, ms: members want a head that is signed lately. */
export const headTagMs = 10 * minute

/** Healthy members told at bootstrap unless asked for otherwise, and at most. */
export const providerPage = { usual: 20, most: limits.providers } as const

/** Tries of a conditional write that others may win, as design 4a has it. */
export const writeTries = 8

/** Wait before a write is tried again, ms: full jitter up to a bound that doubles, 5 s for all tries at most. */
export const writeRetry = { firstMs: 10, mostMs: 1_000 } as const

/**
 * Tries of a write that another process may win, and the wait before each, ms. More than of one that fails: against
 * one rival that never rests every second try is lost, and 8 of 256 writers would give up.
 */
export const raceRetry = { tries: 24, firstMs: 5, mostMs: 250 } as const

/**
 * Audit entries that get their places in the chain of DynamoDB at once, two items each of the 100 that a transaction takes;
 * and tries against other processes before they are left to those, or to the sweep.
 */
export const auditChaining = { atOnce: 40, tries: 4 } as const

/** Time to connect to DynamoDB, and for its answer, ms: it answers in 10, so what takes longer is tried again. */
export const dynamoTimeouts = { connectionTimeout: 3_000, requestTimeout: 3_000 } as const

/** A table of DynamoDB that is being made is ready after so many seconds at most. */
export const tableWaitSeconds = 60

/**
 * Connections of one process to PostgreSQL, which has 100 for all unless told otherwise; time to connect, until an
 * idle one is closed, and for a statement, ms.
 */
export const postgresPool = {
  poolSize: 10,
  connectMs: 5_000,
  idleMs: 30_000,
  statementMs: 10_000,
  /** A backup may wait so long for whoever reads it, ms. */
  snapshotIdleMs: minute,
} as const

/** Bytes of a head part in one DynamoDB item, which takes 400 KB with its keys. */
export const partChunkBytes = 350 * 1024

/** Writes at once of what one report changes. */
export const reportWrites = 32

/**
 * A member that shows no sign of life for so long, ms, is taken out of the map; it comes back by publishing. Signs are a
 * published record, a new credential, and the lease of its relay while that says it is there.
 */
export const offlineMs = { usual: 30 * day, ephemeral: 10 * minute } as const

/** Members taken out of the map at once; the others have their turn a moment later. */
export const removalPage = 500

/**
 * The time of the store: the clock agrees with it within `agreeMs`: a control plane may be stopped for 14 days, and the soonest
 * that anything is removed is after 30. It moves on in steps of `stepMs`; a clock that is behind for `lowerAfterMs` is right.
 */
export const storeTimeLimits = { agreeMs: 15 * day, stepMs: 60 * minute, lowerAfterMs: day } as const

/** How often enrolments that lapsed are looked for in DynamoDB, ms: it reads every member. */
export const sweepMs = day

/** Enrolments that lapsed and are deleted in one transaction of a SQL database; the others have their turn at the next sweep. */
export const sweepPage = 1_000

/** A token that was made to live this long is for machines that start by themselves, ms: an alarm tells before it expires. */
export const longLivedTokenMs = 14 * day

/** Ping of a watcher, ms: finds connections that are gone; proxies commonly end idle ones after 60 s or more. */
export const watchPingMs = 50 * second

/** How often other writers of the same database are looked for, ms: their changes are pushed, too. */
export const watchPollMs = 5 * second

/** A fresh head is pushed this often, ms: members warn about old ones. */
export const watchHeadMs = 5 * minute

/** A watcher that takes no bytes for this long is dropped, ms. One message at a time waits for it. */
export const watchStallMs = 30 * second

/** Watchers at once, and of one member: relays (256 at most), their successors during a restart, dashboards. */
export const watchers = { most: 600, perMember: 4 } as const

/**
 * A new authority key signs only after this, ms: relays poll each 60 s and pass it on at once, so that whoever is online
 * knows the key before it meets what the key has signed.
 */
export const keySettleMs = 2 * minute

/**
 * A process that lacks an authority key looks for it again only after this, ms: half of what a new key waits before it signs, and
 * not once for each signature, of which AWS bills the question.
 */
export const keyAbsentMs = minute

/** A disk with less room is full for the database, bytes: a write-ahead log grows to 4 MB, a write takes some 64 KiB. */
export const leastRoomBytes = 1024 * 1024

/** How often garbage is collected and the admin's credential looked at, ms. */
export const housekeepingMs = 60 * minute

/** How long running requests may take once the process is told to end, ms. */
export const drainMs = 5 * second

/** After an answer to a request whose body was not read, its connection is closed, ms: time for the answer to arrive. */
export const unreadBodyMs = second / 2

/** A request that is not complete by then is refused, ms: 512 KiB at 20 KB/s. */
export const requestMs = 30 * second

/**
 * Connections at once, some 20 KB each without a request: three times what the most relays and watchers hold. Of one address
 * that no member came from `perStranger`, which is also how many of its requests are served at once; of one that members came
 * from, of a proxy, and of this machine `perSource`. How often during `requestMs` slow ones are looked for.
 */
export const connections = { most: 4_000, perSource: 2_000, perStranger: 64, looksPerRequest: 6 } as const

/** Who pushes to a watcher has the turn this long, ms: a dead one holds others up no longer. */
export const watchTurnMs = 10 * second

/** A new WebSocket connection may still be "gone" for API Gateway, ms. */
export const watchOpeningMs = 5 * second

/** API Gateway ends WebSocket connections after two hours, ms; rows of older ones are left over. */
export const watchConnectionMs = 130 * minute

/** Metrics of a Lambda are written at least this often while it is asked, ms. */
export const metricFlushMs = 10 * second
