/** A table that settings name: adopted, or restored from a backup. The one file of the command that asks DynamoDB. */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  type TableDescription,
  type UpdateTableCommandInput,
} from '@aws-sdk/client-dynamodb'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as wait } from 'node:timers/promises'

import { commandDefaults } from '../defaults.ts'

/** Attribute that says when an item expires. */
const ttl = 'ttl'

export interface NamedTable {
  /** Undefined when it has no stream yet. */
  streamArn: string | undefined
}

/** Looks at a table, and changes nothing. @throws MeshError not_found, invalid_argument when it is no mesh's */
export const lookAtTable = (table: string, signal: AbortSignal): Promise<NamedTable> =>
  withTable(table, signal, async ({ describe }) => ({ streamArn: streamOf(await describe()) }))

/**
 * Turns on what a restore leaves out, as far as it is not on: stream, TTL, point-in-time recovery, and deletion protection.
 * Repeatable.
 * @returns the ARN of its stream
 */
export const prepareTable = (table: string, protect: boolean, signal: AbortSignal): Promise<string> =>
  withTable(table, signal, async ({ client, describe, update }) => {
    const { DeletionProtectionEnabled: isProtected = false, ...found } = await describe()
    if (streamOf(found) === undefined)
      await update({ StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' } })
    if (protect && !isProtected) await update({ DeletionProtectionEnabled: true })
    await expire(client, table)
    await recoverable(client, table)
    const streamArn = streamOf(await describe())
    if (streamArn !== undefined) return streamArn
    throw new MeshError('unavailable', `Cannot use table ${table}: its stream could not be turned on`)
  })

const streamOf = ({ StreamSpecification, LatestStreamArn }: TableDescription): string | undefined =>
  StreamSpecification?.StreamEnabled === true ? LatestStreamArn : undefined

async function expire(client: DynamoDBClient, TableName: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }))
  if (TimeToLiveDescription?.AttributeName === ttl) return
  const TimeToLiveSpecification = { Enabled: true, AttributeName: ttl }
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }))
}

async function recoverable(client: DynamoDBClient, TableName: string): Promise<void> {
  const found = await client.send(new DescribeContinuousBackupsCommand({ TableName }))
  const { PointInTimeRecoveryDescription: now } = found.ContinuousBackupsDescription ?? {}
  if (now?.PointInTimeRecoveryStatus === 'ENABLED') return
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true }
  await client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }))
}

interface OpenTable {
  client: DynamoDBClient
  /** Once it is active. */
  describe(): Promise<TableDescription>
  /** Until it is done. */
  update(change: Omit<UpdateTableCommandInput, 'TableName'>): Promise<void>
}

async function withTable<T>(
  TableName: string,
  signal: AbortSignal,
  work: (table: OpenTable) => Promise<T>,
): Promise<T> {
  const client = new DynamoDBClient()
  const describe = async (): Promise<TableDescription> => {
    const end = performance.now() + commandDefaults.tableActiveMs
    for (;;) {
      const { Table = {} } = await client.send(new DescribeTableCommand({ TableName }), {
        abortSignal: signal,
      })
      if (Table.TableStatus === 'ACTIVE') return checked(TableName, Table)
      if (performance.now() > end)
        throw new MeshError('unavailable', `Cannot use table ${TableName}: it is ${Table.TableStatus}`)
      await wait(timerDelay(commandDefaults.tableLookMs), undefined, { signal })
    }
  }
  const update = async (change: Omit<UpdateTableCommandInput, 'TableName'>): Promise<void> => {
    await client.send(new UpdateTableCommand({ TableName, ...change }), { abortSignal: signal })
    await describe()
  }
  try {
    return await work({ client, describe, update })
  } catch (cause) {
    if (cause instanceof MeshError || signal.aborted) throw cause
    throw refused(TableName, cause)
  } finally {
    client.destroy()
  }
}

function checked(name: string, table: TableDescription): TableDescription {
  const keys = table.KeySchema?.map(({ AttributeName }) => AttributeName).join()
  if (keys === 'pk,sk') return table
  throw new MeshError(
    'invalid_argument',
    `Cannot use table ${name}: its keys are ${keys}, a mesh's are pk,sk`,
  )
}

function refused(table: string, cause: unknown): MeshError {
  const missing = cause instanceof ResourceNotFoundException
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError(missing ? 'not_found' : 'unavailable', `Cannot use table ${table}: ${reason}`, {
    cause,
    hint: 'Check the setting tableName, the account (AWS_PROFILE, --profile) and the region (AWS_REGION, --region).',
  })
}
