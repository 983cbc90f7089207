/** What a mesh uses of AWS in a month: an entry a price, each with the part of the work that causes it. */
import counted from './counted-units.json' with { type: 'json' }
import { monthMinutes, type Workload } from './workload.ts'
import prices from './prices.json' with { type: 'json' }

export type Price = keyof typeof prices.prices
export type Part =
  | 'reports'
  | 'presence'
  | 'records'
  | 'renewals'
  | 'bootstrap'
  | 'map'
  | 'health'
  | 'housekeeping'
  | 'observability'
  | 'storage'

export interface Use {
  readonly part: Part | 'heartbeats'
  readonly price: Price
  readonly quantity: number
}

/** Units of the table that one operation takes, as DynamoDB counted them. */
interface Units {
  readonly reads: number
  readonly writes: number
}

const million = 1e6
const giga = 1e9

/** How many relays there are, and how many of them follow the map at the control plane. */
export function fleetOf(agents: number, w: Workload): { relays: number; followers: number } {
  const relays = Math.max(w.leastRelays, Math.ceil(agents / w.agentsPerRelay))
  if (agents <= w.wholeMapMembers) return { relays, followers: relays }
  const regions = Math.max(1, Math.ceil(agents / w.agentsPerRegion))
  return { relays, followers: Math.min(relays, regions * w.followersPerRegion) }
}

/** Reports of a relay in a month: one with each change, else one after `reportMinutes` of silence. */
export function reportsOf(changes: number, w: Workload): number {
  const idle = monthMinutes / w.reportMinutes
  return changes === 0 ? idle : changes / (1 - Math.exp(-changes / idle))
}

/** Requests to the HTTP API with all they bring with them: Lambda, log lines, bytes of the reply, units of the table. */
function requests(part: Use['part'], count: number, units: Units, replyBytes: number, w: Workload): Use[] {
  return [
    ...httpRequests(part, count),
    { part, price: 'lambdaRequest', quantity: count },
    { part, price: 'lambdaGbSecond', quantity: count * w.lambdaSeconds * w.lambdaGb },
    { part: 'observability', price: 'logsIngested', quantity: (count * w.logBytes) / giga },
    { part, price: 'transferOut', quantity: (count * replyBytes) / giga },
    ...table(part, count, units),
  ]
}

function httpRequests(part: Use['part'], count: number): Use[] {
  const first = Math.min(count, 300 * million)
  return [
    { part, price: 'httpApi', quantity: first },
    { part, price: 'httpApiMore', quantity: count - first },
  ]
}

const table = (part: Use['part'], count: number, { reads, writes }: Units): Use[] => [
  { part, price: 'dynamodbRead', quantity: count * reads },
  { part, price: 'dynamodbWrite', quantity: count * writes },
]

/** Leases: reports of relays, and the changes of presence they carry. */
function presence(agents: number, relays: number, w: Workload): Use[] {
  const changes = agents * w.presenceChanges
  return [
    ...requests('reports', relays * reportsOf(changes / relays, w), counted.report, w.reportReplyBytes, w),
    ...table('presence', changes / 2, counted.presenceUp),
    ...table('presence', changes / 2, counted.presenceDown),
  ]
}

/** What agents ask themselves: a start is a bootstrap and a record; now and then a new credential. */
function members(agents: number, relays: number, w: Workload): Use[] {
  const renewals = (agents + relays) * w.renewals
  return [
    ...requests('bootstrap', agents * w.starts, counted.bootstrap, w.replyBytes, w),
    ...requests('records', agents * w.starts, counted.record, w.reportReplyBytes, w),
    ...requests('renewals', renewals, counted.renew, w.replyBytes, w),
    { part: 'renewals', price: 'kmsSign', quantity: renewals },
  ]
}

/**
 * The map as its followers get it: a poll each minute, a push for each change of their region, a head each 5 minutes and when
 * the head of the audit is signed, which is a part of it.
 */
function map(agents: number, followers: number, w: Workload): Use[] {
  const perFollower =
    (agents * w.starts) / (agents <= w.wholeMapMembers ? 1 : followers / w.followersPerRegion)
  const pushes = (followers * perFollower) / (agents <= w.wholeMapMembers ? 1 : w.changesPerPush)
  const polls = (followers * monthMinutes) / w.mapPollMinutes
  const rounds = monthMinutes / w.headPushMinutes + monthMinutes / w.auditSealMinutes
  const heads = followers * rounds
  const runs = agents * w.starts + rounds
  return [
    ...requests('map', polls, counted.mapPoll, w.reportReplyBytes, w),
    // A poll begins with the head.
    ...requests('map', polls, counted.bootstrap, w.replyBytes, w),
    { part: 'map', price: 'webSocketMinute', quantity: followers * monthMinutes },
    { part: 'map', price: 'webSocketMessage', quantity: pushes + heads * w.headMessages },
    { part: 'map', price: 'transferOut', quantity: (followers * perFollower * w.pairBytes) / giga },
    { part: 'map', price: 'lambdaRequest', quantity: runs },
    {
      part: 'map',
      price: 'lambdaGbSecond',
      quantity: (pushes + heads + runs) * w.lambdaSeconds * w.lambdaGb,
    },
    { part: 'observability', price: 'logsIngested', quantity: (runs * w.logBytes) / giga },
    // The watcher's row is taken and given back before and after, and the map is looked at once more.
    ...table('map', pushes + heads, { reads: 2 * counted.mapPoll.reads, writes: 4 }),
    ...table('map', followers * perFollower, counted.mapChange),
  ]
}

/** What runs by itself. */
function upkeep(agents: number, relays: number, w: Workload): Use[] {
  const headReads = (w.warmLambdas * monthMinutes * 60) / w.headReadSeconds
  const renewals = (agents + relays) * w.renewals
  const seals = monthMinutes / w.auditSealMinutes
  const stored = agents * counted.memberBytes + renewals * w.auditMonths * w.auditBytes
  const healths = monthMinutes / Math.max(w.healthMinutes, agents * w.healthMemberMinutes)
  return [
    ...table('health', healths * relays, counted.leaseRead),
    ...table('health', healths * agents, counted.memberScan),
    ...table('housekeeping', agents * w.sweeps, counted.memberSweep),
    ...table('housekeeping', headReads, counted.headRead),
    ...table('housekeeping', seals, counted.auditSeal),
    ...table('housekeeping', renewals, counted.auditSealEntry),
    { part: 'housekeeping', price: 'kmsSign', quantity: seals },
    { part: 'housekeeping', price: 'kmsSign', quantity: w.warmLambdas * monthMinutes },
    { part: 'housekeeping', price: 'kmsKey', quantity: 1 },
    { part: 'observability', price: 'metric', quantity: w.metrics },
    { part: 'observability', price: 'alarm', quantity: w.alarms },
    { part: 'observability', price: 'dashboard', quantity: w.dashboards },
    { part: 'storage', price: 'dynamodbStorage', quantity: stored / giga },
    { part: 'storage', price: 'dynamodbBackup', quantity: stored / giga },
  ]
}

export function usageOf(agents: number, w: Workload): Use[] {
  const { relays, followers } = fleetOf(agents, w)
  return [
    ...presence(agents, relays, w),
    ...members(agents, relays, w),
    ...map(agents, followers, w),
    ...upkeep(agents, relays, w),
  ]
}

/** Instead of leases: every agent sends a heartbeat to the control plane, one write and one read of a small item. */
export function heartbeatUsage(agents: number, w: Workload): Use[] {
  const beats = (agents * monthMinutes) / w.heartbeatMinutes
  return requests('heartbeats', beats, { reads: 1, writes: 1 }, w.reportReplyBytes, w)
}
