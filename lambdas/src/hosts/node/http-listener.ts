import { MeshError } from '@agent-mesh/protocol'
import { hostPort } from '@agent-mesh/protocol/host-port'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { publicProblem } from '../../routes/problem.ts'
import { connections, drainMs, requestMs as usualRequestMs } from '../../defaults.ts'
import { limitConnections } from './limit-connections.ts'
import { SourcePlaces } from './source-places.ts'

export interface ListenAddress {
  host: string
  /** 0: any free one. */
  port: number
}

export interface ListenInit extends ListenAddress {
  /** A request that is not complete by then is refused, and its connection closed. @default 30 s */
  requestMs?: number | undefined
  /** The most concurrent connections of an address. */
  mostOf: (address: string) => number
}

/** Answers while the server has no handler yet. */
export const answerStarting = (_: IncomingMessage, response: ServerResponse): void => {
  const starting = new MeshError('unavailable', 'Cannot answer: the control plane is starting', {
    details: { retryAfterMs: 1_000 },
  })
  response.writeHead(starting.status, { 'content-type': 'application/problem+json', connection: 'close' })
  response.end(JSON.stringify(publicProblem(starting)))
}

/** An HTTP server that listens, and answers that it is starting. @throws MeshError conflict when the port is taken, unavailable */
export async function listen({
  host,
  port,
  requestMs = usualRequestMs,
  mostOf,
}: ListenInit): Promise<Server> {
  const server = createServer({
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: requestMs / connections.looksPerRequest,
  })
  server.on('request', answerStarting)
  server.maxConnections = connections.most
  server.on('connection', limitConnections(new SourcePlaces(mostOf)))
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw listenError(`${host}:${port}`, cause)
  }
  return server
}

function listenError(address: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const taken = code === 'EADDRINUSE'
  const reason = taken ? 'another process has the port' : code
  return new MeshError(taken ? 'conflict' : 'unavailable', `Cannot listen on ${address}: ${reason}`, {
    cause,
    hint: 'Choose another address with --listen HOST:PORT.',
  })
}

/** URL of a listening server; one that listens on all addresses is reached at the machine's first external one. */
export function urlOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo
  const any = address === '0.0.0.0' || address === '::'
  return `http://${hostPort({ host: any ? outsideAddress() : address, port })}`
}

const outsideAddress = (): string =>
  Object.values(networkInterfaces())
    .flat()
    .find(found => found?.family === 'IPv4' && !found.internal)?.address ?? '127.0.0.1'

/** Stops accepting, lets running requests finish for 5 s, then ends their connections. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  // Connections are kept alive after their last answer: each is closed as soon as it waits for none.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  const late = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(idle)
  clearTimeout(late)
}
