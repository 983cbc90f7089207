/** What members and programs can say to an HTTP port, by hand. */
import { once } from 'node:events'
import { createServer as createHttpServer, request, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { duplexPair } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'

import { httpPort } from './http-port.ts'
import { passRequest, passUpgrade } from './pass-requests.ts'

const caller = { sub: 'peer', name: 'web-1', roles: ['agent'], tags: [] }

interface Program {
  readonly port: number
  /** What it was sent. */
  readonly asked: () => string
}

/** Says `reply` on each connection once it was sent what ends with `end`. */
async function programThatSays(reply: string, end = '\r\n\r\n'): Promise<Program> {
  let asked = ''
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      asked += chunk.toString('latin1')
      if (asked.endsWith(end)) socket.write(reply)
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, asked: () => asked }
}

/** What a member gets for lines of a head, and a body. */
async function answerOf({ port }: Program, lines: string[], body = ''): Promise<string> {
  const [here, there] = duplexPair()
  await httpPort({ host: '127.0.0.1', port })(there, caller)
  here.write(`${[...lines, '', body].join('\r\n')}`)
  return Buffer.concat((await here.toArray()) as Buffer[]).toString('latin1')
}

const plain = ['GET / HTTP/1.1', 'Host: x', 'Connection: close']
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

it.each([
  ['status 000', 'HTTP/1.1 000 none\r\nContent-Length: 0\r\n\r\n'],
  ['status 099', 'HTTP/1.1 099 none\r\nContent-Length: 0\r\n\r\n'],
  ['a control character in the reason', 'HTTP/1.1 200 \u0001\r\nContent-Length: 0\r\n\r\n'],
  ['an upgrade that was not asked for', switching],
  ['what is no HTTP', 'SSH-2.0-x\r\n'],
])('a program that answers with %s has no reply', async (_, reply) => {
  expect(await answerOf(await programThatSays(reply), plain)).toMatch(
    /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Nothing answers at /,
  )
})

it('a reply with the name of a file beyond Latin-1, and with an announced trailer, passes', async () => {
  const name = 'Content-Disposition: attachment; filename="\u65e5\u672c.txt"'
  const reply = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTrailer: x-end\r\n${name}\r\n\r\nok`
  const said = await answerOf(await programThatSays(reply), plain)
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/)
  expect(said).toContain(Buffer.from(name).toString('latin1'))
})

it('a request that announces a trailer passes', async () => {
  expect(await answerOf(await programThatSays(ok), [...plain, 'Trailer: x-end'])).toMatch(/^HTTP\/1\.1 200 /)
})

it.each([
  ['Content-Length: 41', (body: string) => body],
  ['Transfer-Encoding: chunked', (body: string) => `29\r\n${body}\r\n0\r\n\r\n`],
])('a body is no second request when "Connection" names its header: %s', async (header, framed) => {
  const body = 'GET /admin HTTP/1.1\r\nMesh-Name: admin\r\n\r\n'
  const lines = [
    ...['GET / HTTP/1.1', 'Host: x', header],
    `Connection: close, ${header.split(':')[0]!.toLowerCase()}`,
  ]
  const program = await programThatSays(ok, framed(body))
  expect(await answerOf(program, lines, framed(body))).toMatch(/^HTTP\/1\.1 200 /)
  expect(program.asked().split('\r\n\r\n')[0]).toContain(header)
})

it('no other protocol than WebSocket is switched to', async () => {
  const lines = ['GET / HTTP/1.1', 'Host: x', 'Connection: close, Upgrade, HTTP2-Settings']
  const program = await programThatSays(switching)
  const said = await answerOf(program, [...lines, 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'])
  expect(said).toMatch(/^HTTP\/1\.1 502 /)
  expect(program.asked()).not.toMatch(/upgrade/i)
})

it.each(['a request', 'an upgrade'])(
  '%s that `node:http` does not send is refused, and ends nothing',
  async what => {
    const passage = {
      // A trailer needs a body in chunks.
      send: () => request({ headers: ['Trailer', 'x-end'] }),
      replyHeaders: () => [],
      unanswered: 'no reply',
    }
    const server = createHttpServer((asked, response) => void passRequest(asked, response, passage))
    server.on('upgrade', (asked, client, head) => passUpgrade(asked, client, head, passage))
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket' }
    const asked = request({
      host: '127.0.0.1',
      port,
      agent: false,
      headers: what === 'a request' ? {} : upgrade,
    })
    const [reply] = (await once(asked.end(), 'response')) as [IncomingMessage]
    expect(reply.resume().statusCode).toBe(400)
  },
)
