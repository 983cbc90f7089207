/** Receivers of syslog for tests: they read messages as RFC 5424 and RFC 6587 have them, and refuse others. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface SyslogMessage {
  facility: number
  severity: number
  time: number
  host: string
  app: string
  id: string
  data: string
  text: string
}

/** RFC 5424, section 6. @throws Error */
export function parseMessage(bytes: Buffer): SyslogMessage {
  const text = bytes.toString('utf8')
  const parts =
    /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (-|(?:\[[!-~]+(?: [!-~]+="(?:[^"\\\]]|\\["\\\]])*")*\])+)(?: ([^]*))?$/.exec(
      text,
    )
  if (parts === null) throw new Error(`no message of RFC 5424: ${text}`)
  const [, priority, time = '', host = '', app = '', , id = '', data = '', message = ''] = parts
  return {
    facility: Math.floor(Number(priority) / 8),
    severity: Number(priority) % 8,
    time: Date.parse(time),
    ...{ host, app, id, data, text: message },
  }
}

export interface TestReceiver {
  readonly address: string
  readonly messages: SyslogMessage[]
  /** What was no message. */
  readonly faults: unknown[]
  stop(): Promise<void>
}

/** Over TCP, or over a UNIX socket at a path: messages with counted octets (RFC 6587, 3.4.1). */
export async function streamReceiver(at: { path: string } | { port: number }): Promise<TestReceiver> {
  const messages: SyslogMessage[] = []
  const faults: unknown[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    let bytes: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      try {
        bytes = readCounted(bytes, messages)
      } catch (error) {
        faults.push(error)
      }
    })
  })
  await listening(server, at)
  const address =
    'path' in at ? `unix:${at.path}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = async () => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    await closed
  }
  return { address, messages, faults, stop }
}

async function listening(server: Server, at: { path: string } | { port: number }): Promise<void> {
  server.listen('path' in at ? at : { ...at, host: '127.0.0.1' })
  await once(server, 'listening')
}

/** @returns the bytes of a message that has not come whole */
function readCounted(bytes: Buffer, into: SyslogMessage[]): Buffer {
  for (;;) {
    const count = /^([1-9]\d{0,5}) /.exec(bytes.subarray(0, 8).toString('latin1'))?.[1]
    if (count === undefined) {
      if (bytes.length < 8 && /^(?:[1-9]\d*)?$/.test(bytes.toString('latin1'))) return bytes
      throw new Error(`no count of octets: ${bytes.toString('utf8')}`)
    }
    const from = count.length + 1
    const end = from + Number(count)
    if (bytes.length < end) return bytes
    into.push(parseMessage(bytes.subarray(from, end)))
    bytes = bytes.subarray(end)
  }
}

/** Over UDP: a message a datagram (RFC 5426). */
export async function datagramReceiver(): Promise<TestReceiver> {
  const messages: SyslogMessage[] = []
  const faults: unknown[] = []
  const socket = createSocket('udp4')
  socket.on('message', bytes => {
    try {
      messages.push(parseMessage(bytes))
    } catch (error) {
      faults.push(error)
    }
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const stop = async () => {
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }
  return { address: `udp://127.0.0.1:${socket.address().port}`, messages, faults, stop }
}
