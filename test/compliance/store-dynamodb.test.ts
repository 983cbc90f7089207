import { randomUUID } from 'node:crypto'
import { openDynamoStore, prepareDynamoTable, type Store } from '@agent-mesh/lambdas'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { dynamoDbMissing, startDynamoDbLocal, type DynamoDbLocal } from '../support/dynamodb-local.ts'
import type { SetupOptions } from './store-fixture.ts'
import { storeCompliance } from './store.ts'

// A thousand transactions take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

describe.skipIf(dynamoDbMissing() !== undefined)('DynamoDB', () => {
  let dynamo: DynamoDbLocal
  beforeAll(async () => void (dynamo = await startDynamoDbLocal()), 60_000)
  afterAll(() => dynamo.stop())

  const onTable = (handles: number) => ({
    async setup(options: SetupOptions) {
      const { endpoint } = dynamo
      const table = `mesh-${randomUUID()}`
      // The clock of the tests is not that of DynamoDB Local, which would collect what they still need.
      await prepareDynamoTable({ table, endpoint }, { create: true, expiry: false })
      const open = (): Store => openDynamoStore({ table, endpoint, ...options })
      const stores: [Store, ...Store[]] = [open(), ...Array.from({ length: handles - 1 }, open)]
      const teardown = async (): Promise<void> => {
        for (const store of stores) await store.close()
      }
      return { stores, teardown }
    },
  })

  storeCompliance('DynamoDB', onTable(1))
  storeCompliance('DynamoDB, two processes of one table', onTable(2))
})
