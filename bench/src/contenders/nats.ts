/** NATS: requests and answers through its server, plaintext; needs `nats-server`, which npm does not have. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { freePort } from '../../../test/support/free-port.ts'
import { objectParams, payloadBytes, type Contender } from './contender.ts'

interface Message {
  readonly data: Uint8Array
  respond(data: Uint8Array): boolean
  json(): unknown
}
interface Connection {
  subscribe(subject: string, options: { callback(error: Error | null, message: Message): void }): unknown
  request(subject: string, data: Uint8Array | string, options: { timeout: number }): Promise<Message>
  close(): Promise<void>
}
/** The little of its types that is used: the package is installed only for benches. */
interface Nats {
  connect(options: object): Promise<Connection>
}

const { connect } = createRequire(import.meta.url)('@nats-io/transport-node') as Nats

/** Tries until the server listens: 5 s at most. */
const connected = (port: number): Promise<Connection> =>
  connect({
    servers: `127.0.0.1:${port}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: 50,
    reconnectTimeWait: 100,
  })

async function end(server: ChildProcess): Promise<void> {
  const gone = once(server, 'exit')
  server.kill('SIGKILL')
  await gone
}

export const contender: Contender = {
  async serve() {
    const port = await freePort()
    const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    // It must not outlive a worker that is killed.
    process.on('exit', () => server.kill('SIGKILL'))
    const connection = await connected(port)
    connection.subscribe('bench.echo', { callback: (_error, message) => message.respond(message.data) })
    const stop = async (): Promise<void> => {
      await connection.close()
      await end(server)
    }
    return { address: port, stop }
  },

  async connect(address) {
    const connection = await connected(address as number)
    const payload = Buffer.alloc(payloadBytes, 'x')
    const ask = (data: Uint8Array | string) => connection.request('bench.echo', data, { timeout: 5_000 })
    return {
      echo: () => ask(payload),
      objects: async () => (await ask(JSON.stringify(objectParams))).json(),
      stop: () => connection.close(),
    }
  },
}
