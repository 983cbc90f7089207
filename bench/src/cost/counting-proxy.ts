/**
 * Stands before DynamoDB Local and counts the units of each request. DynamoDB Local counts reads and single writes as
 * DynamoDB does, but adds up only the distinct figures of the items of a transaction (five items of 1 KB: 2 units, not
 * 10). So items of transactions are counted one by one, by writing each as it was or is, the larger, to a table aside.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Units {
  reads: number
  writes: number
}

export interface CountingProxy {
  readonly endpoint: string
  /** Units that `work` takes; no other requests may be made meanwhile. */
  count(work: () => Promise<unknown>): Promise<Units>
  /** Asks DynamoDB Local itself, uncounted. */
  ask(operation: string, input: object): Promise<Reply>
  stop(): Promise<void>
}

interface Reply {
  ConsumedCapacity?: { CapacityUnits: number } | { CapacityUnits: number }[]
  Item?: object
  Table?: { TableSizeBytes?: number }
}

type Keyed = Record<string, object>
interface TransactInput {
  TransactItems: Record<string, { TableName: string; Key?: Keyed; Item?: Keyed }>[]
}

const reading = new Set(['GetItem', 'BatchGetItem', 'Query'])
const writing = new Set(['PutItem', 'UpdateItem', 'DeleteItem'])
const transaction = 'TransactWriteItems'
const aside = 'aside'

export async function countingProxy(target: string): Promise<CountingProxy> {
  let units: Units | undefined
  const call = (operation: string, input: object) => send(target, operation, JSON.stringify(input))
  const ask = async (operation: string, input: object): Promise<Reply> =>
    JSON.parse((await call(operation, input)).text) as Reply
  await ask('CreateTable', tableAside)

  const forward = async (operation: string, body: string): Promise<{ status: number; text: string }> => {
    const counting = units
    if (counting === undefined) return send(target, operation, body)
    const input = JSON.parse(body) as object
    const items = transactionCounter(ask, operation === transaction ? (input as TransactInput) : undefined)
    const before = await items.images()
    const counted = reading.has(operation) || writing.has(operation)
    const reply = await call(operation, counted ? { ...input, ReturnConsumedCapacity: 'TOTAL' } : input)
    if (reply.status !== 200) return reply
    // Not in one step: what others count meanwhile would be lost.
    const inTransaction = await items.units(before)
    counting.writes += inTransaction
    const { ConsumedCapacity = [] } = JSON.parse(reply.text) as Reply
    for (const { CapacityUnits } of [ConsumedCapacity].flat())
      counting[reading.has(operation) ? 'reads' : 'writes'] += CapacityUnits
    return reply
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
    const { status, text } = await forward(operation, await textOf(request))
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: async work => {
      const used = (units = { reads: 0, writes: 0 })
      try {
        await work()
      } finally {
        units = undefined
      }
      return used
    },
    ask,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Two units for each KB of each item, of its larger image. */
function transactionCounter(ask: CountingProxy['ask'], input: TransactInput | undefined) {
  const keys = (input?.TransactItems ?? []).flatMap(item =>
    Object.values(item).map(({ TableName, Key, Item }) => ({
      TableName,
      Key: Key ?? Object.fromEntries(['pk', 'sk'].map(name => [name, Item?.[name]])),
    })),
  )
  const images = () =>
    Promise.all(keys.map(async key => (await ask('GetItem', { ...key, ConsistentRead: true })).Item ?? {}))
  const weigh = async (item: object): Promise<number> => {
    const key = { pk: { S: '-' }, sk: { S: '-' } }
    const written = { TableName: aside, Item: { ...key, ...item }, ReturnConsumedCapacity: 'TOTAL' }
    const { ConsumedCapacity } = await ask('PutItem', written)
    await ask('DeleteItem', { TableName: aside, Key: { ...key, ...pick(item) } })
    return [ConsumedCapacity ?? []].flat()[0]?.CapacityUnits ?? 0
  }
  return {
    images,
    units: async (before: readonly object[]): Promise<number> => {
      let sum = 0
      for (const [i, after] of (await images()).entries())
        sum += 2 * Math.max(await weigh(before[i] ?? {}), await weigh(after))
      return sum
    },
  }
}

const pick = (item: object): object =>
  Object.fromEntries(Object.entries(item).filter(([name]) => name === 'pk' || name === 'sk'))

const tableAside = {
  TableName: aside,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: ['pk', 'sk'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
}

/** DynamoDB Local reads of a signature only whose it is. */
const authorization =
  'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0'

async function send(
  target: string,
  operation: string,
  body: string,
): Promise<{ status: number; text: string }> {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': `DynamoDB_20120810.${operation}`,
    authorization,
  }
  const response = await fetch(target, { method: 'POST', headers, body })
  return { status: response.status, text: await response.text() }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
