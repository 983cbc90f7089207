/** A DynamoDB table: reads, conditional writes, transactions, and what its errors mean. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { dynamoTimeouts, writeTries } from '../../defaults.ts'
import { jitter } from '../jitter.ts'
import { storeFailed } from '../refusals.ts'
import { expressionOf, type Condition, type Update } from './expressions.ts'
import { fromAttributes, toAttributes, type AttributeValue, type Item } from './item.ts'
import { conflicts, passes } from './passing-failures.ts'
import * as sdk from './sdk.ts'
import { table as names, type Key } from './table.ts'

/** One write of a transaction. */
export type Write =
  | { put: Item & Key; when?: Condition }
  | { update: Key; change: Update; when?: Condition }
  | { delete: Key; when?: Condition }

export interface DynamoOptions {
  table: string
  /** @default what the SDK finds: `AWS_ENDPOINT_URL`, else that of the region */
  endpoint?: string
  /** @default what the SDK finds: `AWS_REGION`, profile */
  region?: string
  /** Called with the units that each request used, as DynamoDB counts them. */
  onConsumed?: (operation: string, units: number) => void
}

/** Attributes as the client wants them; `AttributeValue` is a part of its union. */
type Attributes = Record<string, sdk.AttributeValue>
const out = (item: Item): Attributes => toAttributes(item) as Attributes
const back = (item: Attributes): Item => fromAttributes(item as Record<string, AttributeValue>)

const batchKeys = 100

/** A table. Every method throws MeshErrors only; throttling and lost connections are tried again. */
export class Dynamo {
  readonly table: string
  readonly #client: sdk.Client
  readonly #counted: { ReturnConsumedCapacity?: 'TOTAL' }
  readonly #onConsumed: (operation: string, units: number) => void
  #closed = false

  constructor({ table, endpoint, region, onConsumed }: DynamoOptions) {
    this.table = table
    this.#counted = onConsumed === undefined ? {} : { ReturnConsumedCapacity: 'TOTAL' }
    this.#onConsumed = onConsumed ?? (() => {})
    this.#client = sdk.newClient({
      // Repeated here instead, with its own jitter: the client's budget gives up when many requests wait at once.
      maxAttempts: 1,
      requestHandler: dynamoTimeouts,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
    })
  }

  async get(key: Key): Promise<Item | undefined> {
    const input = { TableName: this.table, Key: out({ ...key }), ConsistentRead: true, ...this.#counted }
    const reply = await this.send('GetItem', client => sdk.getItem(client, input))
    return reply.Item === undefined ? undefined : back(reply.Item)
  }

  /** In no order; missing items are left out. */
  async getMany(wanted: readonly Key[]): Promise<Item[]> {
    const found: Item[] = []
    for (let i = 0; i < wanted.length; i += batchKeys) {
      let missing: Attributes[] = wanted.slice(i, i + batchKeys).map(({ pk, sk }) => out({ pk, sk }))
      for (let tries = 1; missing.length > 0; tries++) {
        if (tries > writeTries) throw storeFailed(new Error(`${missing.length} keys were not read`))
        if (tries > 1) await sleep(timerDelay(jitter(tries - 1)))
        const input = {
          RequestItems: { [this.table]: { Keys: missing, ConsistentRead: true } },
          ...this.#counted,
        }
        const reply = await this.send('BatchGetItem', client => sdk.batchGetItem(client, input))
        found.push(...(reply.Responses?.[this.table] ?? []).map(back))
        missing = reply.UnprocessedKeys?.[this.table]?.Keys ?? []
      }
    }
    return found
  }

  /** Items of a partition in order of their sort key, or against it, `after` excluded; pages as large as DynamoDB likes. */
  async *query(
    pk: string,
    {
      after,
      before,
      where,
      page,
      newestFirst,
    }: { after?: string; before?: string; where?: Condition; page?: number; newestFirst?: boolean } = {},
  ): AsyncGenerator<Item[]> {
    const filter = where && expressionOf({}, where)
    let from: Attributes | undefined
    do {
      const input = {
        TableName: this.table,
        ConsistentRead: true,
        KeyConditionExpression:
          before === undefined
            ? '#pk = :pk AND #sk > :after'
            : '#pk = :pk AND #sk BETWEEN :after AND :before',
        ExpressionAttributeNames: { '#pk': names.partitionKey, '#sk': names.sortKey, ...filter?.names },
        ExpressionAttributeValues: {
          ...out({ ':pk': pk, ':after': after ?? ' ', ':before': before }),
          ...(filter?.values as Attributes | undefined),
        },
        ...(filter?.condition === undefined ? {} : { FilterExpression: filter.condition }),
        ...(page === undefined ? {} : { Limit: page }),
        ...(newestFirst === true ? { ScanIndexForward: false } : {}),
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        ...this.#counted,
      }
      const reply = await this.send('Query', client => sdk.query(client, input))
      yield (reply.Items ?? []).map(back)
      from = reply.LastEvaluatedKey
    } while (from !== undefined)
  }

  /** False when the condition does not hold. */
  async write(write: Write): Promise<boolean> {
    return (await this.#write(write)) !== undefined
  }

  /** The whole item after the update; undefined when the condition does not hold. */
  update(key: Key, change: Update, when?: Condition): Promise<Item | undefined> {
    return this.#write({ update: key, change, ...(when === undefined ? {} : { when }) })
  }

  /**
   * All or nothing. False when a condition does not hold: another writer was first, read again.
   * @param yields another transaction at work on an item is no reason to try again, but a refusal
   */
  async transact(writes: readonly Write[], yields = false): Promise<boolean> {
    const TransactItems = writes.map(write => this.#transactItem(write))
    // A repetition after a lost answer is not a second write: it carries the same token.
    const input = { TransactItems, ClientRequestToken: randomUUID(), ...this.#counted }
    try {
      await this.send(
        'TransactWriteItems',
        client => sdk.transactWriteItems(client, input),
        error => passes(error) && !(yields && conflicts(error)),
      )
      return true
    } catch (error) {
      const cause = error instanceof MeshError ? error.cause : undefined
      if (sdk.isRefusedTransaction(cause) || (yields && conflicts(cause))) return false
      throw error
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#client.destroy()
  }

  async #write(write: Write): Promise<Item | undefined> {
    const { Put, Update, Delete } = this.#transactItem(write)
    const counted = this.#counted
    try {
      if (Put !== undefined) await this.send('PutItem', client => sdk.putItem(client, { ...Put, ...counted }))
      if (Delete !== undefined)
        await this.send('DeleteItem', client => sdk.deleteItem(client, { ...Delete, ...counted }))
      if (Update === undefined) return {}
      const input = { ...Update, ReturnValues: 'ALL_NEW' as const, ...counted }
      const reply = await this.send('UpdateItem', client => sdk.updateItem(client, input))
      return back(reply.Attributes ?? {})
    } catch (error) {
      if (error instanceof MeshError && sdk.isConditionFailure(error.cause)) return undefined
      throw error
    }
  }

  #transactItem(write: Write): sdk.TransactWriteItem {
    const {
      update,
      condition,
      names: aliases,
      values,
    } = expressionOf('update' in write ? write.change : {}, write.when)
    const rest = {
      TableName: this.table,
      ...(condition === undefined ? {} : { ConditionExpression: condition }),
      ...(Object.keys(aliases).length === 0 ? {} : { ExpressionAttributeNames: aliases }),
      ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values as Attributes }),
    }
    if ('put' in write) return { Put: { Item: out(write.put), ...rest } }
    if ('delete' in write) return { Delete: { Key: out({ ...write.delete }), ...rest } }
    return { Update: { Key: out({ ...write.update }), UpdateExpression: update ?? '', ...rest } }
  }

  /** Sends a request; throttling and lost connections are tried again. @throws MeshError unavailable */
  async send<R extends { ConsumedCapacity?: sdk.ConsumedCapacity | sdk.ConsumedCapacity[] | undefined }>(
    operation: string,
    request: (client: sdk.Client) => Promise<R>,
    isPassing: (cause: unknown) => boolean = passes,
  ): Promise<R> {
    for (let tries = 1; ; tries++) {
      if (this.#closed) throw storeFailed(new Error('the store is closed'))
      try {
        const reply = await request(this.#client)
        for (const { CapacityUnits = 0 } of [reply.ConsumedCapacity ?? []].flat())
          this.#onConsumed(operation, CapacityUnits)
        return reply
      } catch (cause) {
        if (tries === writeTries || !isPassing(cause)) throw storeFailed(cause)
        await sleep(timerDelay(jitter(tries)))
      }
    }
  }
}
