/**
 * What Lambda's Node runtime does: loads the handler that _HANDLER names from LAMBDA_TASK_ROOT, then asks for events, one
 * at a time. Prints how long the loading took, ms: what Lambda reports as init, without the start of Node itself.
 */
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

const { AWS_LAMBDA_RUNTIME_API: api = '', LAMBDA_TASK_ROOT: root = '', _HANDLER: name = '' } = process.env
const [host = '', port] = api.split(':')
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

function ask(method: string, path: string, body?: unknown): Promise<{ id: string; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent, host, port: Number(port), method, path: `/2018-06-01/runtime/${path}` }
    const asked = request(options, reply => {
      const id = String(reply.headers['lambda-runtime-aws-request-id'] ?? '')
      text(reply).then(found => resolve({ id, body: found }), reject)
    })
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const described = (error: unknown) => ({ errorMessage: String(error), errorType: 'Error' })

async function load(): Promise<(event: unknown, context: unknown) => Promise<unknown>> {
  const [file = '', member = ''] = name.split('.')
  const began = performance.now()
  const module = (await import(pathToFileURL(join(root, `${file}.mjs`)).href)) as Record<string, unknown>
  process.send?.({ initMs: performance.now() - began, bootMs: began })
  return module[member] as (event: unknown, context: unknown) => Promise<unknown>
}

const handler = await load().catch(async (error: unknown) => {
  await ask('POST', 'init/error', described(error))
  throw error
})

for (;;) {
  const { id, body } = await ask('GET', 'invocation/next')
  try {
    await ask(
      'POST',
      `invocation/${id}/response`,
      (await handler(JSON.parse(body), { awsRequestId: id })) ?? null,
    )
  } catch (error) {
    await ask('POST', `invocation/${id}/error`, described(error))
  }
}
