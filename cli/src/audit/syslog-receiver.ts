/** Receivers of syslog: a datagram each over UDP (RFC 5426), with counted octets over TCP and UNIX sockets (RFC 6587). */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix:PATH`. */
export type SyslogAddress =
  | { readonly by: 'udp' | 'tcp'; readonly host: string; readonly port: number }
  | { readonly by: 'unix'; readonly path: string }

/** What entries are sent to. */
export interface Receiver {
  /** Resolves when the system has the message. @throws MeshError unavailable */
  send(message: string): Promise<void>
  /** Waits for what was sent, at most 5 s. Idempotent. */
  close(): Promise<void>
}

const syslogPort = 514
const closeMs = 5_000

/** @throws MeshError invalid_argument */
export function parseSyslogAddress(text: string): SyslogAddress {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { by: 'unix', path }
  const url = URL.parse(text)
  const by = url?.protocol === 'udp:' ? 'udp' : url?.protocol === 'tcp:' ? 'tcp' : undefined
  const isPlain = url !== null && /^\/?$/.test(url.pathname) && url.search === '' && url.username === ''
  if (by === undefined || !isPlain || url.hostname === '')
    throw new MeshError('invalid_argument', `Cannot export to syslog: ${text} is no address of a receiver`, {
      hint: 'Use udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH.',
    })
  const port = url.port === '' ? syslogPort : Number(url.port)
  return { by, host: url.hostname.replaceAll(/^\[|\]$/g, ''), port }
}

/** @throws MeshError unavailable when nothing listens there (UDP does not show it) */
export const openReceiver = (address: SyslogAddress, signal: AbortSignal): Promise<Receiver> =>
  address.by === 'udp' ? datagrams(address) : stream(address, signal)

const unavailable = (cause: unknown, hint?: string): MeshError => {
  const { message } = toMeshError(cause, 'unavailable', 'export to syslog')
  return new MeshError('unavailable', message, {
    cause,
    hint: hint ?? 'Look whether the receiver runs and listens at this address.',
  })
}

async function datagrams({ host, port }: { host: string; port: number }): Promise<Receiver> {
  const { lookup } = await import('node:dns/promises')
  const { address, family } = await lookup(host).catch((error: unknown) => {
    throw unavailable(error)
  })
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  let isClosed = false
  // A port where nothing listens is reported at a later send: there is no message that it belongs to.
  socket.on('error', () => undefined)
  return {
    send: message =>
      new Promise((resolve, reject) => {
        socket.send(message, port, address, error =>
          error === null ? resolve() : reject(unavailable(error)),
        )
      }),
    close: async () => {
      if (isClosed) return
      isClosed = true
      socket.close()
      await once(socket, 'close')
    },
  }
}

async function stream(
  address: Exclude<SyslogAddress, { by: 'udp' }>,
  signal: AbortSignal,
): Promise<Receiver> {
  const socket = address.by === 'unix' ? connect(address.path) : connect(address.port, address.host)
  let failure: Error | undefined
  socket.on('error', error => (failure = error))
  socket.on('close', () => (failure ??= new Error('the receiver closed the connection')))
  // A receiver sends nothing; what it sends all the same must not fill the buffer.
  socket.resume()
  try {
    await once(socket, 'connect', { signal })
  } catch (error) {
    socket.destroy()
    throw unavailable(error, hintOf(error))
  }
  return {
    send: message =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(unavailable(failure))
        socket.write(`${Buffer.byteLength(message)} ${message}`, error =>
          error ? reject(unavailable(error)) : resolve(),
        )
      }),
    close: () => ended(socket),
  }
}

/** Node has no datagram sockets of UNIX, as /dev/log is one. */
const hintOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && error.code === 'EPROTOTYPE'
    ? 'This socket takes datagrams. Use udp://127.0.0.1:514, or a stream socket of the receiver.'
    : undefined

async function ended(socket: Socket): Promise<void> {
  if (socket.closed) return
  const closed = once(socket, 'close')
  socket.setTimeout(closeMs, () => socket.destroy())
  socket.end()
  await closed
}
