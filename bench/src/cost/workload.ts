/** What members do in a month, as numbers with their reasons: the bill is these times counted units times prices. */
import { auditSealTimes, healthMemberMs } from '@agent-mesh/lambdas'

/** Minutes of an average month. */
export const monthMinutes = 43_830
const monthDays = 30.4375

/** Everything a bill depends on besides prices and counted units. */
export const workload = {
  /** Agents at one relay: design 5a; the reports of a relay are shared by so many. */
  agentsPerRelay: 1_000,
  /** Relays of the smallest mesh: a home and a standby. */
  leastRelays: 2,
  /** Starts of an agent in a month, each a bootstrap and a new record: deployed or rebooted weekly. */
  starts: monthDays / 7,
  /** Changes of presence of an agent in a month: each start one out and one in, and as many moves of network or relay. */
  presenceChanges: 4 * (monthDays / 7),
  /** Renewals: from day 7 of 21 on. */
  renewals: monthDays / 7,
  /** Minutes between reports of a relay whose agents stay: a lease lives 5 minutes. */
  reportMinutes: 2,
  /** Up to so many members every relay follows the whole map: design 5a. */
  wholeMapMembers: 5_000,
  /** Above: relays of a region that follow its part of the map; the others receive it from them over relay links. */
  followersPerRegion: 2,
  /** Agents in a region, above that. */
  agentsPerRegion: 50_000,
  /** Minutes between polls of the map by a follower. */
  mapPollMinutes: 1,
  /** Minutes between pushes of a fresh head, and the messages it takes (32 KB each): 1,000 relays have 300 KB. */
  headPushMinutes: 5,
  headMessages: 2,
  /** A Lambda answers for so long, seconds, with so much memory, GB; measured: `npm run bench -- lambda`. */
  lambdaSeconds: 0.01,
  lambdaGb: 1,
  /** Lambdas that answer at a time, each with its own copy of the head, signed anew each minute. */
  warmLambdas: 4,
  /** Seconds between reads of the head's parts in each. */
  headReadSeconds: 2,
  /** Changes that one push carries above `wholeMapMembers`: those of a region within a minute. */
  changesPerPush: 5,
  /** Bytes of log a request: the access line, and a share of the Lambda's own lines. */
  logBytes: 600,
  /** Days that logs are kept. */
  logDays: 30,
  /** Months of the audit in the table, and bytes of a renewal in it with 100 of its index: nothing removes it, so a year. */
  auditMonths: 12,
  auditBytes: 430,
  /** Minutes between signed heads of the audit, each of which reads the entries since the last one. */
  auditSealMinutes: auditSealTimes.everyMs / 60_000,
  /** Bytes of a reply to a report, and to what agents ask (head, relays, credential), on the wire with headers. */
  reportReplyBytes: 700,
  replyBytes: 8_000,
  /** Bytes of a pair in a map page. */
  pairBytes: 1_800,
  /**
   * Bytes a minute over the links of an agent at rest, `npm run bench -- rest`. Both directions, and the link to another agent: the
   * relays send less than half of it, and are charged for all of it here.
   */
  restBytesPerMinute: 7_063,
  /** Bytes of a change of presence, pushed by a relay to each agent that is homed at it. */
  presenceBytes: 60,
  /** Metrics that the functions write; alarms (infra/test/alarms.test.ts holds their number) and dashboards of the stack. */
  metrics: 13,
  alarms: 24,
  dashboards: 1,
  /** Minutes between sums of health at least, and for each member: they read every member. */
  healthMinutes: 1,
  healthMemberMinutes: healthMemberMs / 60_000,
  /** Reads of every member by the sweep, a month: once a day. */
  sweeps: monthDays,
  /** Minutes between heartbeats of agents that had no relay to vouch for them, what leases are compared with. */
  heartbeatMinutes: 1,
} as const

export type Workload = { readonly [key in keyof typeof workload]: number }
