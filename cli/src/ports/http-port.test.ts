import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { duplexPair } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'

import { httpPort } from './http-port.ts'

const caller = { sub: 'peer', name: 'web-1', roles: ['agent'], tags: [] }

/** What a member gets who asks the port at `port` for an upgrade. */
async function refusal(port: number): Promise<{ status: number | undefined; text: string }> {
  const [here, there] = duplexPair()
  await httpPort({ host: '127.0.0.1', port })(there, caller)
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  const sent = request({ createConnection: () => here, headers }).end()
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const pieces = await reply.toArray()
  return { status: reply.statusCode, text: Buffer.concat(pieces).toString() }
}

it('passes on the refusal of an upgrade, also one in chunks', async () => {
  const server = createServer((_asked, response) => {
    response.writeHead(403)
    response.write('not ')
    response.end('you')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(await refusal((server.address() as AddressInfo).port)).toEqual({ status: 403, text: 'not you' })
})

it('answers 502 to an upgrade where nothing listens', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const text = `Nothing answers at 127.0.0.1:${port} of this member.\n`
  expect(await refusal(port)).toEqual({ status: 502, text })
})
