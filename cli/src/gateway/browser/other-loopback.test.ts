import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { createServer as createTcp, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, it, onTestFinished } from 'vitest'

import { otherLoopback } from './other-loopback.ts'

const hasIpv6 = Object.values(networkInterfaces()).some(each =>
  each?.some(({ address }) => address === '::1'),
)

async function serverAt(host: string) {
  const server = createServer((_, reply) => reply.end('same')).listen(0, host)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

it.skipIf(!hasIpv6)(
  'the other loopback address answers as the first one does, until it is closed',
  async () => {
    const { server, port } = await serverAt('127.0.0.1')
    const other = await otherLoopback(server)
    expect(other.refusal).toBeUndefined()
    const [reply] = (await once(get({ host: '::1', port, agent: false }), 'response')) as [IncomingMessage]
    expect(Buffer.concat(await reply.toArray()).toString()).toBe('same')
    other.refuse()
    await other.closed
    await expect(once(get({ host: '::1', port, agent: false }), 'response')).rejects.toThrow('ECONNREFUSED')
  },
)

it.skipIf(!hasIpv6)('browsers are refused while another process has the other address', async () => {
  const taken = createTcp().listen(0, '::1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const server = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const other = await otherLoopback(server)
  expect(other.refusal).toMatchObject({ code: 'conflict' })
  other.refuse()
  await other.closed
})

it('browsers are refused at an address that names under localhost do not lead to', async () => {
  const { server } = await serverAt('127.0.0.2')
  expect((await otherLoopback(server)).refusal).toMatchObject({ code: 'unsupported' })
})
