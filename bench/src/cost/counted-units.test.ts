/**
 * The units of the table that each operation of the control plane takes, as DynamoDB counts them. `counted-units.json`
 * holds them for the bill; after a change that is meant, `npx vitest run bench/src/cost -u` writes them anew.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  dynamoDbMissing,
  startDynamoDbLocal,
  type DynamoDbLocal,
} from '../../../test/support/dynamodb-local.ts'
import { countedPlane, type CountedPlane } from './counted-plane.ts'

const missing = dynamoDbMissing()

/** Members that single figures are taken from. */
const members = 48
const relays = 40

describe.skipIf(missing !== undefined)('units of the table', () => {
  let dynamo: DynamoDbLocal
  let plane: CountedPlane
  beforeAll(async () => {
    dynamo = await startDynamoDbLocal()
    plane = await countedPlane(dynamo.endpoint)
  })
  afterAll(async () => {
    await plane.stop()
    await dynamo.stop()
  })

  test('are those the bill is made from', async () => {
    const units = await countAll(plane)
    await expect(`${JSON.stringify(units, null, 2)}\n`).toMatchFileSnapshot('counted-units.json')
  }, 600_000)
})

async function countAll(plane: CountedPlane): Promise<object> {
  const { count, ask } = plane
  const empty = await plane.storedBytes()
  const relay = await plane.join('relay')
  const enrol = await count(() => plane.join('agent'))
  const agents: Awaited<ReturnType<typeof plane.join>>[] = []
  while (agents.length < members - 1) agents.push(await plane.join('agent'))
  const [agent] = agents
  if (agent === undefined) throw new Error('nobody joined')
  const enrolled = await plane.storedBytes()
  const firstRecord = await count(() => ask(agent, 'PUT', '/v1/members/self', plane.record(agent)))
  for (const other of agents.slice(1)) await ask(other, 'PUT', '/v1/members/self', plane.record(other))

  const report = async (up: readonly (typeof agent)[], down: readonly string[] = []) =>
    count(async () => ask(relay, 'POST', '/v1/relays/self/report', await plane.report(relay, up, down)))
  const idle = await report([]).then(() => report([]))
  const some = agents.slice(0, 40)
  const up = await report(some)
  const down = await report(
    [],
    some.map(({ signer }) => signer.kid),
  )
  await report(some)
  const listed = await plane.storedBytes()

  const cursor = await plane.readWholeMap(relay)
  const since = `/v1/map?since=${cursor}`
  const mapPoll = await count(() => ask(relay, 'GET', since))
  const record = await count(() => ask(agent, 'PUT', '/v1/members/self', plane.record(agent)))
  for (const other of agents.slice(1, 20)) await ask(other, 'PUT', '/v1/members/self', plane.record(other))
  const mapTwenty = await count(() => ask(relay, 'GET', since))

  const leases = await plane.leases(relays)
  const leaseRead = await count(() => plane.store.presence.readLeases())
  const wholeMap = await count(() => plane.readWholeMap(relay))
  const units = {
    enrol,
    firstRecord,
    record,
    sameRecord: await count(() => plane.publishAgain(agent)),
    leave: await count(() => ask(agents[46] ?? agent, 'DELETE', '/v1/members/self')),
    renew: none,
    report: idle,
    presenceUp: per(up, idle, some.length),
    presenceDown: per(down, idle, some.length),
    mapPoll,
    mapChange: per(mapTwenty, mapPoll, 20),
    mapFirstRead: per(wholeMap, mapPoll, members),
    bootstrap: await count(() => ask(agent, 'GET', '/v1/bootstrap')),
    membersOfService: await count(() => ask(agent, 'GET', '/v1/members?service=math&limit=20')),
    member: await count(() => ask(agent, 'GET', `/v1/members/${agent.signer.kid}`)),
    headRead: await plane.countHeadRead(),
    leaseRead: per(leaseRead, none, leases),
    memberScan: per(await count(() => plane.scanHealth()), none, members),
    memberSweep: per(await count(() => sweep(plane)), none, members),
    ...(await auditUnits(plane)),
    memberBytes: Math.round((listed - empty) / (members + 1)),
    enrolmentBytes: Math.round((enrolled - empty) / (members + 1)),
  }
  plane.advance(2 * 24 * 3600_000)
  // The first request reads the head.
  await plane.countHeadRead()
  return { ...units, renew: await count(() => ask(agent, 'POST', '/v1/renew', {})) }
}

/** Of the head that is signed each hour, and of each entry read for it. */
async function auditUnits({ count, store, sealAudit, clock }: CountedPlane): Promise<object> {
  await sealAudit()
  const event = {
    at: clock.now(),
    who: 'operator',
    what: 'renew' as const,
    detail: { serial: 'x'.repeat(128) },
  }
  await store.audit.appendAudit(event)
  const one = await count(sealAudit)
  for (let i = 0; i < 101; i++) await store.audit.appendAudit(event)
  const many = await count(sealAudit)
  return { auditSeal: one, auditSealEntry: per(many, one, 100) }
}

async function sweep({ store }: CountedPlane): Promise<void> {
  await store.collectGarbage()
  await store.directory.removeOffline()
}

const none = { reads: 0, writes: 0 }

/** A share of what some took more than none. */
const per = (some: typeof none, without: typeof none, count: number): typeof none => ({
  reads: share(some.reads - without.reads, count),
  writes: share(some.writes - without.writes, count),
})

const share = (units: number, count: number): number => Math.round((units / count) * 1_000) / 1_000
