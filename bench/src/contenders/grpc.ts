/** grpc-js with TLS: unary calls of bytes, without protobuf, which would only add to them. */
import { createRequire } from 'node:module'
import { certificate } from './certificate.ts'
import { payloadBytes, type Contender } from './contender.ts'

type Done = (error: Error | null, answer?: Buffer) => void

/** The little of its types that is used: the package is installed only for benches. */
interface Grpc {
  Server: new () => {
    addService(definition: object, handlers: object): void
    bindAsync(address: string, credentials: unknown, done: (error: Error | null, port: number) => void): void
    forceShutdown(): void
  }
  ServerCredentials: { createSsl(roots: null, pairs: { private_key: Buffer; cert_chain: Buffer }[]): unknown }
  Client: new (
    address: string,
    credentials: unknown,
    options: object,
  ) => {
    makeUnaryRequest(path: string, to: Coder, from: Coder, params: Buffer, done: Done): void
    close(): void
  }
  credentials: { createSsl(roots: Buffer): unknown }
}
type Coder = (bytes: Buffer) => Buffer

interface Address {
  readonly port: number
  readonly cert: string
}

const grpc = createRequire(import.meta.url)('@grpc/grpc-js') as Grpc
const path = '/bench/echo'
const asIs: Coder = bytes => bytes
const definition = {
  echo: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

export const contender: Contender = {
  async serve() {
    const { key, cert } = await certificate()
    const server = new grpc.Server()
    server.addService(definition, {
      echo: ({ request }: { request: Buffer }, done: Done) => done(null, request),
    })
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    return { address: { port, cert } satisfies Address, stop: async () => server.forceShutdown() }
  },

  async connect(address) {
    const { port, cert } = address as Address
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(Buffer.from(cert)), {
      'grpc.ssl_target_name_override': 'bench',
    })
    const payload = Buffer.alloc(payloadBytes, 'x')
    return {
      echo: () =>
        new Promise((resolve, reject) =>
          client.makeUnaryRequest(path, asIs, asIs, payload, (error, answer) =>
            error === null ? resolve(answer) : reject(error),
          ),
        ),
      stop: async () => client.close(),
    }
  },
}
