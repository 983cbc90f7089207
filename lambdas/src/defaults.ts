/** Every default of the control plane: value, unit, reason. Values that both sides must share are in protocol/limits. */
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

/** How long an expired lease is kept, ms, so that its relay can resume it. */
export const leaseRetentionMs = day

/** How many agents and relays a mesh accepts; every agent holds every pair (8 MB at this number). */
export const maxMembers = 5_000

/** A head signed longer ago than this is signed anew at the next request, ms: members warn about stale heads. */
export const headFreshMs = minute

/**
 * Parts of the head are read at most this often, ms: with 200 relays they have 60 KB, and a fleet of 1,000 relays asks 17
 * times a second. Changes by the same process are served at once; changes by others are pushed to watchers meanwhile.
 */
export const headPartsFreshMs = 2 * second

/** Health is computed at most this often, ms: it reads the whole directory. */
export const healthFreshMs = 2 * second

/**
 * Times of scaling signals, ms. Agents report means over `windowMs`. Reports are read again after `freshMs`, autoscalers ask each 15 s. A
 * relay at rest reports each 120 s, so an older report than `staleMs` is a missed one. Fewer providers are asked for once
 * `downAfterMs` have shown that they do, once in `downEveryMs`; the past is kept in steps of `stepMs`.
 */
export const scalingTimes = {
  windowMs: minute,
  freshMs: 5 * second,
  staleMs: 150 * second,
  doubleMs: 30 * second,
  downAfterMs: 300 * second,
  downEveryMs: minute,
  stepMs: 5 * second,
} as const

/**
 * Mean saturation that the number of providers aims at, and the share by which it may differ; the most of the providers that one step
 * takes. Signals whose past is kept, and members of a shard that are counted where no relay reports them: counts.
 */
export const scalingTargets = {
  saturation: 0.6,
  tolerance: 0.1,
  fewer: 0.1,
  traces: 256,
  listed: 1_000,
} as const

/** Members in one page when health is summed up; requests are answered between two pages. */
export const healthPage = 500

/**
 * Pause before health is computed again without a request, ms for each member that the last run read: 17 members a second
 * cost $9 a month at any size, and a mesh of 5,000 is read each 5 minutes.
 */
export const healthMemberMs = 60

/** One roll-up of health a step, ms, kept for a day: 288 points a region, enough to see a bad quarter of an hour. */
export const healthHistoryTimes = { stepMs: 5 * minute, keptMs: day } as const

/** Time of one process for a roll-up before another process makes it too, ms; also the interval of checks for a due one. */
export const healthCheckMs = minute

/**
 * Token bucket of one address: its size, its refill a second, and the cost of each request: a new member asks for the
 * bootstrap and enrols. 300 agents behind one NAT may join at once; guesses get 15 tries and then one each 10 s. `sources`
 * addresses are remembered, 100 bytes each. So are accepted members with their addresses: they are served although a
 * stranger behind the same NAT guesses.
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
 * A credential issued less than this ago, ms, is its own renewal: the caller gets it again, with no signature and no entry in
 * the audit log. Members renew from day 7 on, so a regular renewal always concerns an older credential.
 */
export const credentialFreshMs = day

/**
 * Token bucket of one member in one process: its size and its refill a second. Writes, and health as a sum over all members,
 * cost a write each; other requests cost reads, 1 unless listed. A relay reports each 5 s at most, a page of the map has up
 * to 1 MiB. A member that is remembered takes 200 bytes.
 */
export const memberLimit = {
  writes: { most: 120, perSecond: 2 },
  reads: { most: 600, perSecond: 20 },
  costs: { 'GET /v1/map': 10, 'GET /v1/members': 10 },
  members: 20_000,
} as const

/**
 * The head of the audit chain is signed this often, ms, after its entries were read page by page: each time costs a signature
 * of KMS and a head pushed to every watcher.
 */
export const auditSealTimes = { everyMs: 60 * minute, page: 1_000 } as const

/** The most that a delayed entry stands behind its time in the audit chain, ms: sweeps run more often than that. */
export const auditLateMs = 60 * minute

/**
 * Memory for request bodies that are being read in this process, bytes: 32 of the largest. Bodies signed by keys of no member
 * take a sixteenth at most, 64 of their largest or 1,000 of the usual size: strangers leave room for members.
 */
export const bodyBudget = { all: 16 * mebibyte, strangers: mebibyte } as const

/** A nonce is remembered this long, ms: three times the accepted clock skew of a request. */
export const nonceMs = 180 * second

/** A repeated denial of a member for the same target is not recorded again within this time, ms; limit of remembered pairs. */
export const deniedAgain = { ms: minute, remembered: 1_024 } as const

/** Members in one page of a list: the default and the maximum. */
export const listPage = { usual: 100, most: limits.listed } as const

/** The most relays that a stranger is shown: enough to measure and to choose from, not a list of all. */
export const strangerRelays = 16

/** The ETag of the bootstrap changes at least this often, ms: members need a head that was signed recently. */
export const headTagMs = 10 * minute

/** Healthy members listed at bootstrap: the default and the maximum. */
export const providerPage = { usual: 20, most: limits.providers } as const

/** Tries of a conditional write that another process may win. */
export const writeTries = 8

/** Wait before a write is tried again, ms: full jitter up to a bound that doubles, 5 s for all tries at most. */
export const writeRetry = { firstMs: 10, mostMs: 1_000 } as const

/**
 * Tries of a write that another process may win, and the wait before each, ms. They are more than the tries of a failing
 * write: one rival that writes without a pause wins every second try, and 8 of 256 writers would give up.
 */
export const raceRetry = { tries: 24, firstMs: 5, mostMs: 250 } as const

/**
 * Audit entries appended to the chain of DynamoDB in one transaction, two items each of the 100 that it accepts; and tries
 * against other processes before the entries are left to those processes, or to the sweep.
 */
export const auditChaining = { atOnce: 40, tries: 4 } as const

/** Time to connect to DynamoDB, and for its answer, ms: it usually answers in 10, so a slower request is tried again. */
export const dynamoTimeouts = { connectionTimeout: 3_000, requestTimeout: 3_000 } as const

/** The longest wait for a new table of DynamoDB, seconds. */
export const tableWaitSeconds = 60

/**
 * Connections of one process to PostgreSQL, which has 100 for all by default; time to connect, until an idle one is
 * closed, and for a statement, ms.
 */
export const postgresPool = {
  poolSize: 10,
  connectMs: 5_000,
  idleMs: 30_000,
  statementMs: 10_000,
  /** The longest wait of a backup for its reader, ms. */
  snapshotIdleMs: minute,
} as const

/** Bytes of a head part in one DynamoDB item, whose limit is 400 KB with its keys. */
export const partChunkBytes = 350 * 1024

/** Concurrent writes of the changes of one report. */
export const reportWrites = 32

/**
 * A member without a sign of life for this long, ms, is removed from the map; it returns by publishing. Signs of life are a
 * published record, a new credential, and the lease of its relay while the relay reports the member as connected.
 */
export const offlineMs = { usual: 30 * day, ephemeral: 10 * minute } as const

/** Members removed from the map in one batch; the rest follows in the next batches. */
export const removalPage = 500

/**
 * The time of the store. A clock agrees with it within `agreeMs`: a control plane may be stopped for 14 days, and nothing is
 * removed before 30. The time advances in steps of `stepMs`; a clock that stays behind for `lowerAfterMs` is right.
 */
export const storeTimeLimits = { agreeMs: 15 * day, stepMs: 60 * minute, lowerAfterMs: day } as const

/** How often DynamoDB is searched for lapsed enrolments, ms: a search reads every member. */
export const sweepMs = day

/** Lapsed enrolments deleted in one transaction of a SQL database; the rest is left to the next sweep. */
export const sweepPage = 1_000

/** A token with at least this lifetime is for machines that start by themselves, ms: an alarm warns before it expires. */
export const longLivedTokenMs = 14 * day

/** Ping of a watcher, ms: finds dead connections; proxies commonly end idle ones after 60 s or more. */
export const watchPingMs = 50 * second

/** How often changes by other writers of the same database are looked for, ms: they are pushed too. */
export const watchPollMs = 5 * second

/** A fresh head is pushed this often, ms: members warn about stale heads. */
export const watchHeadMs = 5 * minute

/** A watcher that accepts no bytes for this long is dropped, ms. One message at a time waits for it. */
export const watchStallMs = 30 * second

/** Watchers at once, and of one member: relays (256 at most), their successors during a restart, dashboards. */
export const watchers = { most: 600, perMember: 4 } as const

/**
 * A new authority key signs only after this, ms: relays poll each 60 s and pass it on at once, so every online member knows
 * the key before it receives a document that the key has signed.
 */
export const keySettleMs = 2 * minute

/**
 * A process that lacks an authority key looks for it again only after this, ms: half the wait of a new key before it signs.
 * AWS bills each look, so it is not made for each signature.
 */
export const keyAbsentMs = minute

/** A disk with less free space counts as full, bytes: a write-ahead log grows to 4 MB, a write takes some 64 KiB. */
export const leastRoomBytes = 1024 * 1024

/** How often expired rows are removed and the admin's credential is checked, ms. */
export const housekeepingMs = 60 * minute

/** How long running requests may take once the process was asked to stop, ms. */
export const drainMs = 5 * second

/** How long a connection stays open after the answer to a request with an unread body, ms: time for the answer to arrive. */
export const unreadBodyMs = second / 2

/** A request that is not complete by then is refused, ms: 512 KiB at 20 KB/s. */
export const requestMs = 30 * second

/**
 * Concurrent connections, some 20 KB each without a request: three times those of all permitted relays and watchers.
 * `perStranger` limits an address that no member used, in connections and in requests served at once; `perSource` limits an
 * address of members, a proxy, and this machine. Slow requests are looked for `looksPerRequest` times during `requestMs`.
 */
export const connections = { most: 4_000, perSource: 2_000, perStranger: 64, looksPerRequest: 6 } as const

/** How long a process holds the lock for pushes to a watcher, ms: a crashed process blocks others no longer. */
export const watchTurnMs = 10 * second

/** How long API Gateway may answer "gone" for a new WebSocket connection, ms. */
export const watchOpeningMs = 5 * second

/** API Gateway ends WebSocket connections after two hours, ms; rows of older ones are stale. */
export const watchConnectionMs = 130 * minute

/** Metrics of a Lambda are written at least this often while it handles requests, ms. */
export const metricFlushMs = 10 * second
