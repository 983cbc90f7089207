/**
 * Browsers take names under `localhost` for both 127.0.0.1 and ::1, and may try either first. A process of another user that listens on
 * the one which the gateway does not have would be sent the one-time keys and cookies. So the gateway has the same port of both.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

import { MeshError } from '@agent-mesh/protocol/errors'

const others: Readonly<Record<string, string>> = { '127.0.0.1': '::1', '::1': '127.0.0.1' }

export interface OtherLoopback {
  /** Why browsers cannot be served. */
  readonly refusal: MeshError | undefined
  /** Accepts no connection from now on. Idempotent. */
  refuse(): void
  /** When all its connections have ended. */
  readonly closed: Promise<void>
}

/** @param server listens; it is given the connections of the other address, too. Never throws. */
export async function otherLoopback(server: Server): Promise<OtherLoopback> {
  const { address, port } = server.address() as AddressInfo
  const host = others[address]
  if (host === undefined)
    return withoutIt(
      new MeshError('unsupported', `Cannot serve browsers: the gateway listens on ${address}`, {
        hint: `Names under localhost lead to 127.0.0.1: agent-mesh up --gateway 127.0.0.1:${port}.`,
      }),
    )
  const second = createServer({ allowHalfOpen: true, noDelay: true }, socket =>
    server.emit('connection', socket),
  )
  second.maxConnections = server.maxConnections
  const closed = Promise.withResolvers<void>()
  second.once('close', closed.resolve)
  second.listen({ host, port })
  try {
    await once(second, 'listening')
  } catch (cause) {
    return withoutIt(isAbsent(cause) ? undefined : taken(host, port, cause))
  }
  second.on('error', () => undefined)
  return { refusal: undefined, refuse: () => void second.close(), closed: closed.promise }
}

const withoutIt = (refusal: MeshError | undefined): OtherLoopback => ({
  refusal,
  refuse: () => undefined,
  closed: Promise.resolve(),
})

/** No process can listen there: the machine has no such address. */
const isAbsent = (cause: unknown): boolean =>
  ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((cause as NodeJS.ErrnoException).code ?? '')

const taken = (host: string, port: number, cause: unknown) =>
  new MeshError('conflict', `Cannot serve browsers: another process has ${host}, port ${port}`, {
    cause,
    hint: 'It would be sent what browsers send here. Choose another port: agent-mesh up --gateway 127.0.0.1:PORT.',
  })
