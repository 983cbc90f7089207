/** The yardstick of bulk: one `node:tls` connection for each transfer, as fast as Node's own streams are. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import { receive, send } from '../bulk/transfer.ts'
import { certificate } from './certificate.ts'
import type { Contender } from './contender.ts'

export const contender: Contender = {
  async serve() {
    const { key, cert } = await certificate()
    const options = { key, cert, minVersion: 'TLSv1.3', allowHalfOpen: true } as const
    const server = createServer(options, receive).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { address: (server.address() as AddressInfo).port, stop: async () => void server.close() }
  },

  async connect(address) {
    return {
      echo: () => Promise.reject(new Error('it carries no calls')),
      transfer: async bytes => {
        const socket = connect({ port: address as number, host: '127.0.0.1', rejectUnauthorized: false })
        await once(socket, 'secureConnect')
        await send(socket, bytes)
      },
      stop: async () => {},
    }
  },
}
