import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { detectPlace } from './detected-place.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A metadata service on loopback. @returns its URL */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const places: Record<string, string> = {
  '/latest/meta-data/placement/region': 'eu-central-1',
  '/latest/meta-data/placement/availability-zone': 'eu-central-1b',
}

/** As EC2: no answer without a token of its own. */
const ec2: RequestListener = ({ method, url = '', headers }, response) => {
  if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds'])
    return void response.end('token-1==')
  const place = headers['x-aws-ec2-metadata-token'] === 'token-1==' ? places[url] : undefined
  response.writeHead(place === undefined ? 401 : 200).end(place)
}

/** Long: these answer at once. */
const timeoutMs = 20_000

test('region and zone come from the metadata service, with a token', async () => {
  const metadataUrl = await serve(ec2)
  expect(await detectPlace({ env: {}, metadataUrl, timeoutMs })).toEqual({
    region: 'eu-central-1',
    zone: 'eu-central-1b',
  })
})

test('the environment has precedence, and a zone of another region does not count', async () => {
  const metadataUrl = await serve(ec2)
  const of = (env: Record<string, string>) => detectPlace({ env, metadataUrl, timeoutMs })
  expect(await of({ AWS_REGION: 'us-east-1' })).toEqual({ region: 'us-east-1' })
  expect(await of({ AWS_DEFAULT_REGION: 'eu-central-1' })).toMatchObject({ zone: 'eu-central-1b' })
  expect(await of({ AWS_REGION: 'Not A Label' })).toMatchObject({ region: 'eu-central-1' })
})

test.each<[string, RequestListener]>([
  ['refuses', (_, response) => void response.writeHead(403).end()],
  ['answers without end', (_, response) => void response.end('x'.repeat(100_000))],
  [
    'answers with what is no place',
    ({ method }, response) => void response.end(method === 'PUT' ? 't' : '<html>'),
  ],
  ['ends the connection', (_, response) => void response.destroy()],
])('a service that %s is none', async (_, answer) => {
  expect(await detectPlace({ env: {}, metadataUrl: await serve(answer), timeoutMs })).toEqual({})
})

test('a service that does not answer costs no more than the time given', async () => {
  const metadataUrl = await serve(() => undefined)
  expect(await detectPlace({ env: { AWS_REGION: 'eu-west-1' }, metadataUrl, timeoutMs: 50 })).toEqual({
    region: 'eu-west-1',
  })
})
