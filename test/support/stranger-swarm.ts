/**
 * A crowd of strangers in a process of its own, so that what it costs the members is theirs alone. Started with one JSON
 * argument; opens everything at once, keeps open what the other side does not close, prints one JSON line when all were tried, and
 * another when its input ends.
 */
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { stranger, type Door } from './stranger.ts'

export interface Swarm {
  /** Ports of members: raw TCP, half a TLS handshake, and whole libp2p handshakes without a hello. */
  doors: Door[]
  /** Port of a control plane: silence, and headers that never end. */
  http: { host: string; port: number }
  counts: Record<Kind, number>
  /** Where they come from. */
  from: string
}

export type Kind = 'silent' | 'garbage' | 'tls' | 'libp2p' | 'idleHttp' | 'slowHttp' | 'http'

export interface SwarmReport {
  tried: number
  connected: number
  /** Of those connected, closed again by the other side. */
  closed: number
}

const swarm = JSON.parse(process.argv[2] ?? '') as Swarm
const report: SwarmReport = { tried: 0, connected: 0, closed: 0 }
const sockets = new Set<Socket>()

const hostOf = ({ addr }: Door) => {
  const [, , host = '', , port = ''] = addr.split('/')
  return { host, port: Number(port) }
}

/** Resolves when the connection stands or is refused; what happens later is counted. */
const open = (to: { host: string; port: number }, then: (socket: Socket) => void): Promise<void> =>
  new Promise(resolve => {
    report.tried++
    const socket = connect({ ...to, localAddress: swarm.from })
    sockets.add(socket)
    let stood = false
    socket.on('connect', () => {
      stood = true
      report.connected++
      then(socket)
      resolve()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (stood) report.closed++
      resolve()
    })
    socket.resume()
  })

const multistream = (protocol: string) =>
  Buffer.concat([Buffer.of(protocol.length + 1), Buffer.from(`${protocol}\n`)])

const visits: Record<Kind, (door: Door) => Promise<void>> = {
  silent: door => open(hostOf(door), () => {}),
  garbage: door => open(hostOf(door), socket => void socket.write(Buffer.alloc(4096, 0x16))),
  tls: door =>
    open(hostOf(door), socket => {
      socket.write(Buffer.concat([multistream('/multistream/1.0.0'), multistream('/tls/1.0.0')]))
      const half = tlsConnect({ socket, rejectUnauthorized: false, ALPNProtocols: ['libp2p'] })
      half.on('error', () => {})
    }),
  libp2p: async door => {
    report.tried++
    const visitor = await stranger()
    try {
      const { over } = await visitor.visit(door)
      report.connected++
      void over.then(() => report.closed++)
    } catch {
      // Refused before its handshake was over.
    }
  },
  idleHttp: () => open(swarm.http, () => {}),
  slowHttp: () =>
    open(swarm.http, socket => {
      socket.write('POST /v1/enrol HTTP/1.1\r\nhost: x\r\n')
      const drip = setInterval(() => socket.write('x-a: b\r\n'), 1_000)
      socket.on('close', () => clearInterval(drip))
    }),
  http: () => open(swarm.http, socket => void socket.write('GET /v1/map HTTP/1.1\r\nhost: x\r\n\r\n')),
}

/** The kinds take turns, in strides of as many as a burst of SYNs may be. */
async function comeAll(): Promise<void> {
  const kinds = (Object.entries(swarm.counts) as [Kind, number][]).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => ({ kind, at: index / count })),
  )
  kinds.sort((a, b) => a.at - b.at)
  for (let first = 0; first < kinds.length; first += 100)
    await Promise.all(
      kinds.slice(first, first + 100).map(({ kind }, index) => {
        const door = swarm.doors[index % swarm.doors.length]
        return door === undefined ? undefined : visits[kind](door)
      }),
    )
}

const tell = () => process.stdout.write(`${JSON.stringify(report)}\n`)

await comeAll()
tell()
process.stdin.resume().on('end', () => {
  tell()
  process.exit(0)
})
