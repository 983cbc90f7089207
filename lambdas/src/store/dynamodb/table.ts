/**
 * The one table and the keys of its items, as plain data: `--create-table`, the AWS stack and the tests make the same
 * table from it. Rooms of the key space:
 *
 * | pk | sk | holds |
 * |---|---|---|
 * | `SHARDS` | `epoch`, `00`-`15` | the epoch, and the number of each shard: one query reads the heads |
 * | `N#shard` | peerId | a member: enrolment, pair and home |
 * | `D#shard` | number | a change of the shard; kept while it is the newest of its member |
 * | `S#service#shard` | peerId | a provider of a service |
 * | `name#stem` | name | who has a name; names that differ in `-2`, `-3` lie together |
 * | `T` | token id | a join token |
 * | `HEAD` | `numbers` | the numbers of the head's parts |
 * | `P#part` | number and chunk | a part of the head, immutable |
 * | `R` | peerId of the relay | a lease |
 * | `EPHEMERAL` | peerId | that a member is to be taken out of the map soon after it goes offline |
 * | `Q#nonce` | `-` | a nonce |
 * | `U#chain#block` | number | entries of the audit chain, 10,000 in a block |
 * | `U#waiting` | time and chance | audit entries that have no place in the chain yet |
 * | `H#day` | time and region | a health roll-up |
 * | `COUNT` | what | members so far; a block of the audit chain that has begun; when the last sweep was; the store's time |
 * | `W#...` | | left to the host of the watch connections |
 */
export const table = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** Unix seconds. It only collects garbage: every read checks expiry itself. */
  ttl: 'ttl',
} as const

export interface Key {
  pk: string
  sk: string
}

const two = (shard: number): string => String(shard).padStart(2, '0')

/** Sorts as a number does: 15 digits are over any safe integer of this use. */
export const padded = (number: number): string => String(number).padStart(16, '0')

/** Names that can follow from one wish lie in one partition. */
const stemOf = (name: string): string => name.replace(/(-\d+)+$/, '').slice(0, 55)

const auditBlock = 10_000
const day = 24 * 3600_000

export const keys = {
  shards: 'SHARDS',
  epoch: { pk: 'SHARDS', sk: 'epoch' },
  shard: (shard: number): Key => ({ pk: 'SHARDS', sk: two(shard) }),
  members: (shard: number): string => `N#${two(shard)}`,
  member: (shard: number, peerId: string): Key => ({ pk: `N#${two(shard)}`, sk: peerId }),
  changes: (shard: number): string => `D#${two(shard)}`,
  change: (shard: number, v: number): Key => ({ pk: `D#${two(shard)}`, sk: padded(v) }),
  providers: (service: string, shard: number): string => `S#${service}#${two(shard)}`,
  provider: (service: string, shard: number, peerId: string): Key => ({
    pk: `S#${service}#${two(shard)}`,
    sk: peerId,
  }),
  names: (wish: string): string => `name#${stemOf(wish)}`,
  name: (name: string): Key => ({ pk: `name#${stemOf(name)}`, sk: name }),
  tokens: 'T',
  token: (id: string): Key => ({ pk: 'T', sk: id }),
  headNumbers: { pk: 'HEAD', sk: 'numbers' },
  partChunks: (name: string): string => `P#${name}`,
  partChunk: (name: string, number: number, chunk: number): Key => ({
    pk: `P#${name}`,
    sk: `${padded(number)}#${chunk}`,
  }),
  leases: 'R',
  lease: (relay: string): Key => ({ pk: 'R', sk: relay }),
  nonce: (nonce: string): Key => ({ pk: `Q#${nonce}`, sk: '-' }),
  waitingAudit: 'U#waiting',
  waitingAuditEvent: (at: number, id: string): Key => ({ pk: 'U#waiting', sk: `${padded(at)}#${id}` }),
  auditBlock: (block: number): string => `U#chain#${block}`,
  blockOf: (seq: number): number => Math.floor(seq / auditBlock),
  /** Its first number. */
  blockStart: (block: number): number => block * auditBlock,
  audit: (seq: number): Key => ({ pk: `U#chain#${Math.floor(seq / auditBlock)}`, sk: padded(seq) }),
  auditBlockStart: (block: number): Key => ({ pk: `U#chain#${block}`, sk: padded(block * auditBlock) }),
  healthDay: (at: number): string => `H#${Math.floor(at / day)}`,
  health: (at: number, region: string): Key => ({
    pk: `H#${Math.floor(at / day)}`,
    sk: `${padded(at)}#${region}`,
  }),
  memberCount: { pk: 'COUNT', sk: 'members' },
  auditHint: { pk: 'COUNT', sk: 'audit-block' },
  timeMark: { pk: 'COUNT', sk: 'time' },
  sweep: { pk: 'COUNT', sk: 'sweep' },
  offlineSweep: { pk: 'COUNT', sk: 'offline' },
  ephemerals: 'EPHEMERAL',
  ephemeral: (peerId: string): Key => ({ pk: 'EPHEMERAL', sk: peerId }),
} as const

/**
 * TTL of what may go after `at`, unix milliseconds; a day later, so that clocks need not agree. DynamoDB deletes by its own
 * clock what a process with a wrong one dated, so only what comes back by itself has one: leases (`R`), nonces (`Q`), health
 * (`H`), connections (`W`), and changes (`D`) that nothing stands for: without them a cursor gets `map_gap` and begins anew.
 */
export const ttlAfter = (at: number): number => Math.ceil((at + day) / 1000)
