/** Moleculer over its TCP transporter, plaintext, as its documentation sets it up; found by address, not by UDP. */
import { createRequire } from 'node:module'
import { freePort } from '../../../test/support/free-port.ts'
import { objectParams, smallParams, type Contender } from './contender.ts'

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
    return {
      echo: () => broker.call('bench.echo', smallParams),
      objects: () => broker.call('bench.echo', objectParams),
      stop: () => broker.stop(),
    }
  },
}
