/** The drills of docs/operations.md on the real PostgreSQL and DynamoDB Local: a backup is restored beside the mesh that runs. */
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { namesOf, openDrills, type Drills } from '../support/drills.ts'
import { dynamoDbMissing, startDynamoDbLocal, type DynamoDbLocal } from '../support/dynamodb-local.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../support/postgres-server.ts'

const plane = 'agent-mesh control-plane --listen 127.0.0.1:8440 --store'

/** Something that a restore has to bring back: a member of its own, and the entries of the audit log about it. */
async function withMember(drills: Drills): Promise<string[]> {
  const { token } = await drills.well('agent-mesh token create --name drill-agent')
  await drills.daemon('agent-mesh --context drill-agent up --join TOKEN --no-listen', {
    token: String(token),
  })
  const members = namesOf(await drills.well('agent-mesh members list'))
  expect(members).toEqual(expect.arrayContaining(['admin', 'drill-agent']))
  return members
}

describe.skipIf(postgresMissing() !== undefined)('on PostgreSQL', () => {
  let server: PostgresServer
  let drills: Drills

  beforeAll(async () => {
    server = await startPostgres()
    const empty = (await server.database('drill'))()
    drills = await openDrills({ 'postgres://mesh@db.example.com/drill': empty })
    await drills.daemon(`${plane} ${(await server.database('mesh'))()}`)
  })
  afterAll(async () => {
    await drills?.end()
    await server?.stop()
  })

  test('a backup restores the members into an empty database, and the audit log is complete', async () => {
    const members = await withMember(drills)
    const [backup = '', restore = '', restored = '', verify = '', list = ''] = drills.lines(
      'restore a backup into PostgreSQL',
      5,
    )
    expect(await drills.well(backup)).toMatchObject({ kind: 'postgres' })
    await drills.well(restore)
    await drills.daemon(restored)
    await drills.well(verify)
    expect(namesOf(await drills.well(list))).toEqual(members)
  })
})

describe.skipIf(dynamoDbMissing() !== undefined)('on DynamoDB', () => {
  let server: DynamoDbLocal
  let drills: Drills
  const [table, restoredTable] = [`mesh-${randomUUID()}`, `drill-${randomUUID()}`]

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    drills = await openDrills({ 'dynamodb:mesh-drill': `dynamodb:${restoredTable}` }, server.env)
    await drills.daemon(`${plane} dynamodb:${table}`, { words: ['--create-table'] })
  })
  afterAll(async () => {
    await drills?.end()
    await server?.stop()
  })

  /** AWS restores a table into another one; DynamoDB Local does not, so its items are copied. */
  async function restoreTable(): Promise<void> {
    const client = new DynamoDB({ endpoint: server.endpoint })
    const { Table } = await client.describeTable({ TableName: table })
    const { KeySchema, AttributeDefinitions } = Table ?? {}
    await client.createTable({
      TableName: restoredTable,
      ...{ KeySchema, AttributeDefinitions, BillingMode: 'PAY_PER_REQUEST' },
    })
    const { Items = [], LastEvaluatedKey } = await client.scan({ TableName: table, ConsistentRead: true })
    expect(LastEvaluatedKey, 'a mesh of two members fits one page').toBeUndefined()
    for (let at = 0; at < Items.length; at += 25) {
      const puts = Items.slice(at, at + 25).map(Item => ({ PutRequest: { Item } }))
      await client.batchWriteItem({ RequestItems: { [restoredTable]: puts } })
    }
    client.destroy()
  }

  test('a restored table has the members, and the audit log is complete', async () => {
    const members = await withMember(drills)
    const [copy = '', wait = '', folder = '', keys = '', restored = '', verify = '', list = ''] =
      drills.lines('restore a table of DynamoDB', 7)
    expect([copy, wait].every(line => line.startsWith('aws dynamodb '))).toBe(true)
    await restoreTable()
    for (const line of [folder, keys])
      await promisify(execFile)('sh', ['-c', line], { cwd: join(drills.folder, 'agent-mesh') })
    await drills.daemon(restored)
    await drills.well(verify)
    expect(namesOf(await drills.well(list))).toEqual(members)
  })
})
