/**
 * The Lambda Runtime API (version 2018-06-01) as the service offers it to a runtime: `next` is answered when there is an
 * event, `response` and `error` end it. One runtime at a time.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

export interface RuntimeApi {
  /** `host:port`, the value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /** Resolves when a runtime is initialised and waits for its first event. */
  ready(): Promise<void>
  /** Hands an event over and resolves with what the function answers. */
  invoke(event: unknown): Promise<unknown>
  stop(): Promise<void>
}

const base = '/2018-06-01/runtime'

export async function startRuntimeApi(): Promise<RuntimeApi> {
  let waiting = Promise.withResolvers<ServerResponse>()
  let answer = Promise.withResolvers<unknown>()
  let count = 0

  const server = createServer(async (request, response) => {
    const { url = '', method } = request
    if (method === 'GET' && url === `${base}/invocation/next`) return waiting.resolve(response)
    const body = await text(request)
    response.writeHead(202).end()
    if (url.endsWith('/response')) answer.resolve(body === '' ? undefined : JSON.parse(body))
    else {
      const failed = new Error(`the function failed: ${body.slice(0, 500)}`)
      // During the initialisation no request waits for an answer.
      if (url === `${base}/init/error`) waiting.reject(failed)
      else answer.reject(failed)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  return {
    address: `127.0.0.1:${address.port}`,
    ready: async () => void (await waiting.promise),
    invoke: async event => {
      const response = await waiting.promise
      waiting = Promise.withResolvers()
      answer = Promise.withResolvers()
      response.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': `request-${++count}`,
        'lambda-runtime-deadline-ms': String(Date.now() + 10_000),
      })
      response.end(JSON.stringify(event))
      return answer.promise
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
