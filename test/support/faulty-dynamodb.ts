/** A proxy before DynamoDB Local that throttles requests, or carries them out and drops the answer. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to a request: served, refused as too many or for good, or served without an answer. */
export type Fate = 'serve' | 'throttle' | 'cancel' | 'refuse' | 'lose'

export interface FaultyDynamoDb {
  readonly endpoint: string
  readonly faults: number
  /** Decides over each request by its operation and body. */
  decide(fate: (operation: string, body: string) => Fate): void
  stop(): Promise<void>
}

const throttled = JSON.stringify({
  __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
  message: 'The level of configured provisioned throughput for the table was exceeded.',
})

/** A transaction that conflicted with another one. */
const cancelled = JSON.stringify({
  __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
  Message:
    'Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]',
  CancellationReasons: [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }],
})

/** An error that a retry does not help. */
const refused = JSON.stringify({
  __type: 'com.amazon.coral.service#AccessDeniedException',
  Message: 'User is not authorized to perform this operation',
})

async function bodyOf(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function startFaultyDynamoDb(target: string): Promise<FaultyDynamoDb> {
  let fateOf: (operation: string, body: string) => Fate = () => 'serve'
  let faults = 0
  const server = createServer((request, response) => {
    const serve = async (): Promise<void> => {
      const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
      const body = await bodyOf(request)
      const fate = fateOf(operation, body.toString())
      if (fate !== 'serve') faults++
      if (fate !== 'serve' && fate !== 'lose') {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
        response.end({ throttle: throttled, cancel: cancelled, refuse: refused }[fate])
        return
      }
      const { host: _, connection: _c, 'content-length': _l, ...headers } = request.headers
      const reply = await fetch(target, { method: 'POST', headers: headers as Record<string, string>, body })
      const answer = Buffer.from(await reply.arrayBuffer())
      if (fate === 'lose') return void request.socket.destroy()
      response.writeHead(reply.status, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(answer)
    }
    serve().catch(() => request.socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get faults() {
      return faults
    },
    decide: decision => void (fateOf = decision),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
