/**
 * Finds out with plain sockets what a network does: `node probe-client.ts SERVER OTHER-SERVER OWN-PUBLIC-ADDRESS
 * [PROXY:PORT]`. Prints one line of {@link Facts}.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import type { Facts } from './facts.ts'

const [, , server = '', other = '', publicAddress = '', proxy] = process.argv
/** What does not answer by then, ms, is dropped. */
const silenceMs = 1_500

/** The answer to a question over UDP; undefined when there is none. */
async function ask(socket: UdpSocket, host: string, question: string): Promise<string | undefined> {
  const [what = ''] = question.split(' ')
  const signal = AbortSignal.timeout(silenceMs)
  socket.send(question, 3478, host)
  try {
    for (;;) {
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer]
      const [to, seen = ''] = answer.toString().split(' ')
      if (to === what) return seen
    }
  } catch {
    return undefined
  }
}

async function udpFacts(): Promise<Pick<Facts, 'udp' | 'udpFromOtherPort' | 'udpFromOtherHost'>> {
  const socket = createSocket('udp4')
  await new Promise<void>(bound => socket.bind(0, bound))
  const { port } = socket.address()
  // The other server is asked last: until then it is one that was never sent to.
  const seen = await ask(socket, server, 'echo')
  const udpFromOtherPort = (await ask(socket, server, 'other-port')) !== undefined
  const udpFromOtherHost = (await ask(socket, server, `other-host ${other}`)) !== undefined
  const seenByOther = await ask(socket, other, 'echo')
  socket.close()
  return { udp: mapping(port, seen, seenByOther), udpFromOtherPort, udpFromOtherHost }
}

function mapping(port: number, seen: string | undefined, seenByOther: string | undefined): Facts['udp'] {
  if (seen === undefined || seenByOther === undefined) return 'blocked'
  if (seen !== seenByOther) return 'changing'
  return seen.endsWith(`:${port}`) ? 'kept' : 'same'
}

async function open(host: string, port: number, localPort?: number): Promise<Socket | undefined> {
  const socket = connect({ host, port, ...(localPort === undefined ? {} : { localPort }) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(silenceMs) })
    return socket
  } catch {
    socket.on('error', () => {}).destroy()
    return undefined
  }
}

const line = async (socket: Socket): Promise<string> => {
  const [said] = (await once(socket, 'data', { signal: AbortSignal.timeout(3 * silenceMs) })) as [Buffer]
  return said.toString().trim()
}

async function tcpMapping(): Promise<Facts['tcp']> {
  // Both bind it explicitly: a port that the system chose cannot be shared.
  const localPort = 20_000 + Math.floor(Math.random() * 10_000)
  const first = await open(server, 443, localPort)
  if (first === undefined) return 'blocked'
  const seen = await line(first)
  const second = await open(other, 443, localPort)
  const seenByOther = second && (await line(second))
  for (const socket of [first, second]) socket?.destroy()
  return mapping(localPort, seen, seenByOther)
}

/** A connection to the server that every kind of network allows. */
async function anyWay(): Promise<{ socket?: Socket; proxied: Facts['proxied'] }> {
  if (proxy === undefined) {
    const socket = await open(server, 443)
    if (socket !== undefined) await line(socket)
    return { ...(socket && { socket }), proxied: 'none' }
  }
  const socket = await tunnel(443)
  if (socket === undefined) return { proxied: 'none' }
  await line(socket)
  return { socket, proxied: (await tunnel(4001)) === undefined ? '443' : 'all' }
}

async function tunnel(port: number): Promise<Socket | undefined> {
  const [host, proxyPort] = (proxy ?? '').split(':')
  const asked = request({ host, port: proxyPort, method: 'CONNECT', path: `${server}:${port}` })
  asked.end()
  const [reply, socket, head] = (await once(asked, 'connect')) as [{ statusCode?: number }, Socket, Buffer]
  // What the server said at once came with the proxy's own answer.
  if (head.length > 0) socket.unshift(head)
  if (reply.statusCode === 200) return socket
  socket.destroy()
  return undefined
}

/** Whether the server can connect to this host. */
async function tcpIn(): Promise<Pick<Facts, 'tcpIn' | 'proxied'>> {
  const listener = createServer(socket => socket.destroy()).listen(0)
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const { socket, proxied } = await anyWay()
  let answer = 'unknown'
  if (socket !== undefined) {
    socket.write(`dial ${publicAddress} ${port}\n`)
    answer = await line(socket)
  }
  return { tcpIn: answer as Facts['tcpIn'], proxied }
}

const [udp, tcp, inward, other4001] = await Promise.all([
  udpFacts(),
  tcpMapping(),
  tcpIn(),
  open(server, 4001),
])
const facts: Facts = { ...udp, tcp, ...inward, tcpOtherPorts: other4001 !== undefined }
process.stdout.write(`${JSON.stringify(facts)}\n`, () => process.exit())
