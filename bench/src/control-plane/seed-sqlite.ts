/**
 * Fills a database of the local control plane with agents. By SQL: a million enrolments over HTTP would take hours, and
 * what is measured is how reports fare among a million rows, not how the rows came.
 */
import { DatabaseSync } from 'node:sqlite'
import { openSqliteStore } from '@agent-mesh/lambdas'
import { recordOfSize, type Fleet } from './fleet.ts'

const day = 24 * 3600_000

/** As long as one with a name, a role, a region and two tags. */
const credential = 'c'.repeat(520)
const serial = 's'.repeat(22)

/** Rows of `agents` agents, some with keys, homed evenly at the relays, which have reported once. */
export async function seedSqlite(file: string, { relays, movers }: Fleet, agents: number): Promise<void> {
  await openSqliteStore({ file }).close()
  const [first] = relays
  if (first === undefined) throw new Error('Cannot seed: there are no relays')
  const record = await recordOfSize(first.signer, serial, [first.signer.kid, first.signer.kid])
  const db = new DatabaseSync(file)
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 100000; BEGIN')
  db.exec('CREATE TEMP TABLE relay (n INTEGER PRIMARY KEY, peer_id TEXT, epoch TEXT)')
  db.exec('CREATE TEMP TABLE agent (n INTEGER PRIMARY KEY, peer_id TEXT, shard INTEGER, v INTEGER)')
  const relayRow = db.prepare('INSERT INTO relay VALUES (?, ?, ?)')
  relays.forEach(({ signer, epoch }, n) => relayRow.run(n, signer.kid, epoch))
  const moverRow = db.prepare(
    'INSERT INTO agent VALUES (cast(?1 AS INTEGER), ?2, ?1 % 16, cast(?1 AS INTEGER) / 16 + 1)',
  )
  movers.forEach(({ kid }, n) => moverRow.run(n, kid))
  db.prepare(
    `WITH RECURSIVE s(n) AS (SELECT cast(?1 AS INTEGER) UNION ALL SELECT n + 1 FROM s WHERE n < ?2 - 1)
     INSERT INTO agent SELECT n, '12D3KooWsimu' || printf('%040d', n), n % 16, n / 16 + 1 FROM s`,
  ).run(movers.length, agents)
  const now = Date.now()
  db.prepare(
    `INSERT INTO enrolments SELECT peer_id, 0, ?2, 'relay-' || n, '["relay"]', '[]', 'eu-1', 0, ?1, ?3, ?3 + ${21 * day}, ?4,
     NULL, 1 FROM relay`,
  ).run('token', serial, now, credential)
  db.prepare(
    `INSERT INTO enrolments SELECT peer_id, shard, ?2, 'agent-' || n, '["agent"]', '["linux","rack-7"]', 'eu-1', 0, ?1, ?3,
     ?3 + ${21 * day}, ?4, NULL, 1 FROM agent`,
  ).run('token', serial, now, credential)
  db.exec("INSERT INTO names SELECT 'agent-' || n, peer_id FROM agent")
  db.prepare(
    `INSERT INTO members SELECT peer_id, shard, v, 1, ?1, ?2, '["math@2","math"]', 'eu-1', ?3 FROM agent`,
  ).run(serial, record, now)
  db.exec("INSERT INTO services SELECT 'math', shard, peer_id FROM agent ORDER BY shard, peer_id")
  db.exec("INSERT INTO services SELECT 'math@2', shard, peer_id FROM agent ORDER BY shard, peer_id")
  db.exec('UPDATE shards SET v = (SELECT coalesce(max(a.v), 0) FROM agent a WHERE a.shard = shards.shard)')
  db.prepare(`INSERT INTO leases SELECT peer_id, epoch, 1, '{}', ?1, ?1 + 150000 FROM relay`).run(now)
  db.prepare(
    `INSERT INTO homes SELECT a.peer_id, r.peer_id, r.epoch, 1, 1 FROM agent a JOIN relay r ON r.n = a.n % ?1`,
  ).run(relays.length)
  db.exec('COMMIT; DROP TABLE relay; DROP TABLE agent; PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  for (const relay of relays) relay.seq = 1
  await writeHealth(file)
}

/** Roll-ups of this step of five minutes and the next: a look at a million members takes minutes, and comes once in hours. */
async function writeHealth(file: string): Promise<void> {
  const store = openSqliteStore({ file })
  const step = 5 * 60_000
  const now = Date.now() - (Date.now() % step)
  await store.health.writeHealth([now, now + step].map(at => ({ at, region: 'eu-1', document: '{}' })))
  await store.close()
}
