/**
 * A public host that tells others how it sees them, with plain sockets: `node probe-server.ts ADDRESS`. On UDP 3478 and
 * 3479 and on TCP 443 and 4001 it answers with the address that a question came from; questions may ask for more.
 */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'

/** A dial that is dropped shows by its silence, ms. */
const silenceMs = 1_500

const [first, second] = [createSocket('udp4'), createSocket('udp4')]
const [, , address = '0.0.0.0'] = process.argv

/** `echo`; `other-port`: answered from the other port; `other-host IP`: answered by that host; `tell IP PORT`: says hello there. */
first.on('message', (question, from: RemoteInfo) => {
  const [what = '', ip = '', port = ''] = question.toString().split(' ')
  const seen = `${what} ${from.address}:${from.port}`
  if (what === 'echo') first.send(seen, from.port, from.address)
  else if (what === 'other-port') second.send(seen, from.port, from.address)
  else if (what === 'other-host') first.send(`tell ${from.address} ${from.port}`, 3478, ip)
  else if (what === 'tell') first.send('other-host', Number(port), ip)
})

/** First line: where it came from. `dial IP PORT`: whether that can be connected to. */
function answer(socket: Socket): void {
  socket.on('error', () => {})
  socket.write(`${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}\n`)
  socket.on('data', question => {
    const [, ip = '', port = ''] = question.toString().trim().split(' ')
    dial(ip, Number(port), how => socket.end(`${how}\n`))
  })
}

function dial(host: string, port: number, tell: (how: 'connected' | 'refused' | 'silent') => void): void {
  const socket = connect({ host, port, timeout: silenceMs })
  const end = (how: Parameters<typeof tell>[0]) => {
    socket.removeAllListeners().on('error', () => {})
    socket.destroy()
    tell(how)
  }
  socket.on('connect', () => end('connected'))
  socket.on('error', () => end('refused'))
  socket.on('timeout', () => end('silent'))
}

const listening = [
  new Promise<void>(done => first.bind(3478, address, done)),
  new Promise<void>(done => second.bind(3479, address, done)),
  ...[443, 4001].map(port => new Promise<void>(done => createServer(answer).listen(port, address, done))),
]
process.once('disconnect', () => process.exit())
process.once('SIGTERM', () => process.exit())
await Promise.all(listening)
console.log(JSON.stringify({ event: 'ready' }))
