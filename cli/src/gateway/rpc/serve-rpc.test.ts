import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'

import { serveRpc, type RpcAnswer } from './serve-rpc.ts'

it('an RPC whose client left while what answers was loaded is not begun', async () => {
  const loaded = Promise.withResolvers<RpcAnswer>()
  const closed: (string | undefined)[] = []
  const server = createServer()
  serveRpc(server, { wants: () => true, load: () => loaded.promise })
  server.on('request', ({ url }, response) => response.once('close', () => closed.push(url)))
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const asked = (path: string) => {
    const { port } = server.address() as AddressInfo
    return request({ port, path, host: '127.0.0.1', agent: false }).end()
  }

  const left = asked('/left').on('error', () => undefined)
  await once(server, 'request')
  left.destroy()
  await vi.waitFor(() => expect(closed).toEqual(['/left']), 20_000)

  const begun: (string | undefined)[] = []
  const waits = once(asked('/waits'), 'response') as Promise<[IncomingMessage]>
  await once(server, 'request')
  loaded.resolve(async ({ url }, response) => {
    begun.push(url)
    await new Promise<void>(resolve => void response.end(resolve))
  })
  const [reply] = await waits
  reply.resume()
  expect(begun).toEqual(['/waits'])
})
