/** Moleculer over its TCP transporter, plaintext, as its documentation sets it up; found by address, not by UDP. */
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { payloadBytes, type Contender } from '../contender.ts'

/** The little of its types that is used: the package is installed only for benches. */
interface Broker {
  createService(schema: object): unknown
  call(action: string, params: unknown): Promise<unknown>
  waitForServices(name: string): Promise<unknown>
  start(): Promise<void>
  stop(): Promise<void>
}
interface Moleculer {
  ServiceBroker: new (options: object) => Broker
}
interface Address {
  readonly port: number
}

const { ServiceBroker } = createRequire(import.meta.url)('moleculer') as Moleculer

const brokerOf = (nodeID: string, port: number, urls: string[]): Broker =>
  new ServiceBroker({
    nodeID,
    logger: false,
    requestTimeout: 5_000,
    transporter: { type: 'TCP', options: { udpDiscovery: false, port, urls } },
  })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export const contender: Contender = {
  async serve() {
    const port = await freePort()
    const broker = brokerOf('server', port, [])
    broker.createService({
      name: 'bench',
      actions: { echo: (context: { params: unknown }) => context.params },
    })
    await broker.start()
    return { address: { port } satisfies Address, stop: () => broker.stop() }
  },

  async connect(address) {
    const { port } = address as Address
    const broker = brokerOf('client', await freePort(), [`127.0.0.1:${port}/server`])
    await broker.start()
    await broker.waitForServices('bench')
    // Its serializer is JSON: 100 bytes of params as one string, which is kinder to it than a Buffer.
    const params = { data: 'x'.repeat(payloadBytes - '{"data":""}'.length) }
    return { echo: () => broker.call('bench.echo', params), stop: () => broker.stop() }
  },
}
