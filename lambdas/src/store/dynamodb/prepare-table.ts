import { MeshError } from '@agent-mesh/protocol/errors'
import { tableWaitSeconds } from '../../defaults.ts'
import { Dynamo, type DynamoOptions } from './dynamo.ts'
import {
  createTable,
  describeTable,
  isTableMissing,
  isTableThere,
  tableExists,
  updateTimeToLive,
} from './sdk.ts'
import { table as names } from './table.ts'

/**
 * Answers when the table is there, made first where `create` says so: for DynamoDB Local, a stack makes its own.
 * @param expiry whether DynamoDB deletes what its TTL says, by its own clock
 * @throws MeshError not_found when there is no such table, unavailable when DynamoDB does not answer
 */
export async function prepareDynamoTable(
  options: DynamoOptions,
  { create = false, expiry = true }: { create?: boolean; expiry?: boolean } = {},
): Promise<void> {
  const db = new Dynamo(options)
  try {
    if (create) await make(db, expiry)
    await describe(db)
  } finally {
    db.close()
  }
}

/** @throws MeshError not_found when there is no such table */
async function describe(db: Dynamo): Promise<void> {
  try {
    await db.send('DescribeTable', async client => {
      await describeTable(client, db.table)
      return {}
    })
  } catch (error) {
    const cause = error instanceof MeshError ? error.cause : error
    throw isTableMissing(cause) ? noTable(db.table, cause) : error
  }
}

/** Makes the table unless it is there. */
async function make(db: Dynamo, expiry: boolean): Promise<void> {
  const attribute = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const })
  const { partitionKey, sortKey, ttl } = names
  await db.send('CreateTable', async client => {
    try {
      await createTable(client, {
        TableName: db.table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [attribute(partitionKey), attribute(sortKey)],
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
      })
    } catch (error) {
      if (!isTableThere(error)) throw error
      return {}
    }
    await tableExists(client, db.table, tableWaitSeconds)
    const TimeToLiveSpecification = { Enabled: true, AttributeName: ttl }
    if (expiry) await updateTimeToLive(client, { TableName: db.table, TimeToLiveSpecification })
    return {}
  })
}

const noTable = (table: string, cause: unknown) =>
  new MeshError('not_found', `Cannot open DynamoDB table ${table}: it does not exist here`, {
    cause,
    hint: 'Deploy the stack that makes it, check region and account, or add --create-table for a local one.',
  })
