import { randomUUID } from 'node:crypto'
import { openDynamoStore, prepareDynamoTable, type Store } from '@agent-mesh/lambdas'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dynamoDbMissing, startDynamoDbLocal, type DynamoDbLocal } from '../support/dynamodb-local.ts'
import { startFaultyDynamoDb, type Fate, type FaultyDynamoDb } from '../support/faulty-dynamodb.ts'
import { expectAllDoneOnce, workThroughFaults } from './store-faults.ts'
import { enrol, testClock, type SetupOptions } from './store-fixture.ts'
import { storeCompliance } from './store.ts'
import { joinsSuite } from './store-joins.ts'
import { wrongClockSuite } from './wrong-clock.ts'

describe.skipIf(dynamoDbMissing() !== undefined)('DynamoDB', () => {
  let dynamo: DynamoDbLocal
  beforeAll(async () => void (dynamo = await startDynamoDbLocal()))
  afterAll(() => dynamo.stop())

  let faulty: FaultyDynamoDb
  beforeAll(async () => void (faulty = await startFaultyDynamoDb(dynamo.endpoint)))
  afterAll(() => faulty.stop())

  const onTable = (handles: number) => ({
    async setup(options: SetupOptions) {
      const { endpoint } = faulty
      const table = `mesh-${randomUUID()}`
      // DynamoDB Local has another clock than the tests, and would delete rows that they still need.
      await prepareDynamoTable({ table, endpoint }, { create: true, expiry: false })
      const open = (): Store => openDynamoStore({ table, endpoint, ...options })
      const stores: [Store, ...Store[]] = [open(), ...Array.from({ length: handles - 1 }, open)]
      const teardown = async (): Promise<void> => {
        for (const store of stores) await store.close()
      }
      const breakAudit = async () => {
        const isOfTheChain = (body: string) => body.includes(table) && body.includes('U#chain')
        faulty.decide((_, body) => (isOfTheChain(body) ? 'refuse' : 'serve'))
        return async () => faulty.decide(() => 'serve')
      }
      return { stores, breakAudit, teardown }
    },
  })

  describe('a DynamoDB that fails under it', () => {
    const workThrough = async (fate: (turn: number, operation: string) => Fate) => {
      const clock = testClock()
      const table = `mesh-${randomUUID()}`
      await prepareDynamoTable({ table, endpoint: dynamo.endpoint }, { create: true, expiry: false })
      const store = openDynamoStore({ table, endpoint: faulty.endpoint, clock })
      const before = faulty.faults
      let turn = 0
      faulty.decide(operation => fate(turn++, operation))
      await workThroughFaults(store, clock)
      faulty.decide(() => 'serve')
      await expectAllDoneOnce(store)
      await store.close()
      return faulty.faults - before
    }

    test('by throttling every third request loses nothing', async () => {
      expect(await workThrough(turn => (turn % 3 === 0 ? 'throttle' : 'serve'))).toBeGreaterThan(30)
    })

    test('by cancelling every other transaction loses nothing', async () => {
      let transactions = 0
      const fate = (_: number, operation: string): Fate =>
        operation === 'TransactWriteItems' && transactions++ % 2 === 0 ? 'cancel' : 'serve'
      expect(await workThrough(fate)).toBeGreaterThan(10)
    })

    test('by losing the answers to writes that it made does nothing twice', async () => {
      let writes = 0
      const isWrite = (operation: string) => !['GetItem', 'BatchGetItem', 'Query'].includes(operation)
      const fate = (_: number, operation: string): Fate =>
        isWrite(operation) && writes++ % 2 === 0 ? 'lose' : 'serve'
      expect(await workThrough(fate)).toBeGreaterThan(20)
    })

    test('for good is unavailable', async () => {
      const store = openDynamoStore({ table: 'any', endpoint: faulty.endpoint })
      faulty.decide(() => 'throttle')
      await expect(store.directory.readHeads()).rejects.toMatchObject({
        code: 'unavailable',
        retriable: true,
      })
      faulty.decide(() => 'serve')
      await store.close()
    })
  })

  test('a table that is not there is named', async () => {
    const { endpoint } = dynamo
    const refused = {
      code: 'not_found',
      message: 'Cannot open DynamoDB table nowhere: it does not exist here',
    }
    await expect(prepareDynamoTable({ table: 'nowhere', endpoint })).rejects.toMatchObject(refused)
  })

  test('a head of half a megabyte is kept whole', async () => {
    const { endpoint } = dynamo
    const table = `mesh-${randomUUID()}`
    await prepareDynamoTable({ table, endpoint }, { create: true, expiry: false })
    const store = openDynamoStore({ table, endpoint })
    const document = (part: string) => part.repeat(512 * 1024)
    await store.headParts.writePart('relays', 0, document('a'))
    await store.headParts.writePart('relays', 1, document('b'))
    expect((await store.headParts.readPart('relays'))?.document).toBe(document('b'))
    const other = openDynamoStore({ table, endpoint })
    expect(await other.headParts.readPart('relays')).toMatchObject({ number: 2, document: document('b') })
    await Promise.all([store.close(), other.close()])
  })

  test('a join reads a bounded number of names, however many have the same stem', async () => {
    const clock = testClock()
    const table = `mesh-${randomUUID()}`
    await prepareDynamoTable({ table, endpoint: dynamo.endpoint }, { create: true, expiry: false })
    const store = openDynamoStore({ table, endpoint: faulty.endpoint, clock })
    const nameReads = async (requestedName: string, peerId: string) => {
      const reads: string[] = []
      faulty.decide((operation, body) => {
        if (/^(?:GetItem|BatchGetItem|Query|Scan)$/.test(operation))
          reads.push(...(body.match(/"name#/g) ?? []))
        return 'serve'
      })
      await enrol(store, clock, peerId, { requestedName })
      return reads.length
    }
    const first = await nameReads('ip-10-0-0-1', 'p0')
    expect(first).toBeGreaterThan(0)
    for (let i = 1; i < 40; i++) await nameReads(`ip-10-0-1-${i}`, `p${i}`)
    expect(await nameReads('ip-10-0-2-1', 'free')).toBe(first)
    expect(await nameReads('ip-10-0-1-7', 'taken')).toBeLessThan(first + 40)
    faulty.decide(() => 'serve')
    await store.close()
  })

  storeCompliance('DynamoDB', onTable(1))
  storeCompliance('DynamoDB, two processes of one table', onTable(2))
  joinsSuite('DynamoDB', onTable(50))

  describe('with an endpoint in the environment', () => {
    beforeAll(() => void (process.env['AWS_ENDPOINT_URL'] = dynamo.endpoint))
    afterAll(() => void delete process.env['AWS_ENDPOINT_URL'])
    wrongClockSuite('DynamoDB', async () => ({
      kind: 'dynamodb',
      table: `mesh-${randomUUID()}`,
      createTable: true,
    }))
  })
})
