/**
 * Runs one bundled Lambda as a process: `node function-process.ts BUNDLE`. Each HTTP request reaches the handler as API Gateway
 * passes it on (payload format 2.0). Sends its port to the parent.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

interface Result {
  statusCode: number
  headers: Record<string, string>
  body: string
}

const [bundle = ''] = process.argv.slice(2)
const { handler } = (await import(pathToFileURL(join(bundle, 'index.mjs')).href)) as {
  handler: (event: unknown, context: unknown) => Promise<Result | undefined>
}

let requests = 0
const server = createServer(async (request, response) => {
  const { pathname, search } = new URL(request.url ?? '/', 'http://function')
  const body = await text(request)
  const requestId = `request-${++requests}`
  const event = {
    version: '2.0',
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: request.headers,
    ...(body === '' ? {} : { body }),
    requestContext: { http: { method: request.method, sourceIp: '198.51.100.7' }, requestId },
    isBase64Encoded: false,
  }
  try {
    const result = await handler(event, { awsRequestId: requestId })
    response.writeHead(result?.statusCode ?? 200, result?.headers).end(result?.body)
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
