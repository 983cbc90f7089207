/** Ports of members through SOCKS and CONNECT of the gateway, with curl. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'

import { exposePrograms } from '../support/exposed-programs.ts'
import { GatewayMesh } from '../support/gateway-mesh.ts'

let at: GatewayMesh
let token: string
let stopPrograms: () => Promise<void>
beforeAll(async () => {
  at = await GatewayMesh.start()
  stopPrograms = await exposePrograms(at)
  token = await at.portsToken('curl', 'port:*')
})
afterAll(async () => {
  await at.stop()
  await stopPrograms()
})

const run = promisify(execFile)
/** @returns exit code, and what curl wrote and said */
async function curl(...args: string[]): Promise<{ code: number; out: string; said: string }> {
  try {
    const { stdout, stderr } = await run('curl', ['-sS', '--max-time', '60', ...args])
    return { code: 0, out: stdout, said: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, said: stderr }
  }
}

const socks = (by = token) => ['-x', `socks5h://me:${by}@127.0.0.1:${at.port}`]
const proxy = (by = token) => ['-p', '-x', `http://me:${by}@127.0.0.1:${at.port}`]

describe.each([
  ['SOCKS', socks],
  ['CONNECT', proxy],
])('curl through %s', (_, through) => {
  it.each([
    ['http://server.mesh:8080/a?b=1', 'server.mesh:8080 /a?b=1'],
    ['http://web.server.mesh/', 'web.server.mesh /'],
    ['http://WEB.Server.Mesh:81/', 'WEB.Server.Mesh:81 /'],
  ])('reaches %s', async (url, answer) => {
    expect(await curl(...through(), url)).toEqual({ code: 0, out: answer, said: '' })
  })

  it('is refused what is outside of the mesh, without a look at it', async () => {
    const own = new URL(at.gateway.url)
    for (const host of [
      own.host,
      'localhost:1',
      'mesh:1',
      'example.com',
      'server.mesh.example.com',
      '10.0.0.1',
    ])
      expect((await curl(...through(), `http://${host}/`)).code, host).not.toBe(0)
  })
})

it.each([
  ['secret.server.mesh', 'the policy grants it to no role', 403, 2],
  ['owners.server.mesh', 'the owner of that machine opened it for name:nobody only', 403, 2],
  ['web.nobody.mesh', 'no member has this name or peer id', 404, 4],
  ['server.mesh:7', 'this member exposes no such port', 404, 4],
  ['dead.server.mesh', 'nothing answers at 127.0.0.1:1', 503, 5],
])('says why %s is not reached: %s', async (host, reason, status, reply) => {
  const [asked, code] = [await connect(host.includes(':') ? host : `${host}:80`), socksCode(host)]
  expect([asked.status, asked.text]).toEqual([status, expect.stringContaining(reason)])
  expect(await code).toBe(reply)
})

const socksCode = async (host: string): Promise<number> =>
  Number(/\((\d+)\)\s*$/.exec((await curl(...socks(), `http://${host}/`)).said)?.[1])

const basic = (by: string) => `Basic ${Buffer.from(`me:${by}`).toString('base64')}`

/** @returns the connection, or why there is none */
async function connect(path: string, by = basic(token)) {
  const sent = request(at.gateway.url, {
    ...{ method: 'CONNECT', path, agent: false },
    headers: { 'proxy-authorization': by },
  })
  sent.end()
  // With a refusal, Node gives its body as the bytes behind the head.
  const [reply, socket, head] = (await once(sent, 'connect')) as [IncomingMessage, Socket, Buffer]
  const status = reply.statusCode ?? 0
  if (status === 200) return { status, headers: reply.headers, socket, text: '' }
  return { status, headers: reply.headers, socket, text: head.toString() + (await text(socket)) }
}

it('a bearer token is as good as a password, and without either it asks for one', async () => {
  const asked = await connect('web.server.mesh:80', `Bearer ${token}`)
  expect(asked.status).toBe(200)
  asked.socket.destroy()
  const refused = await connect('web.server.mesh:80', '')
  expect([refused.status, refused.headers['proxy-authenticate']]).toEqual([
    407,
    expect.stringMatching(/^Basic /),
  ])
})

it('the end of one direction is passed on alone, and bytes before the answer are kept', async () => {
  const { socket } = await connect('shout.server.mesh:80')
  const said = text(socket)
  socket.write('half ')
  socket.end('close')
  expect(await said).toBe('HALF CLOSE')
})

it('WebSockets pass', async () => {
  const { socket } = await connect('web.server.mesh:80')
  const page = new WebSocket('ws://web.server.mesh/', { createConnection: () => socket })
  await once(page, 'open')
  page.send('hello')
  const [said] = (await once(page, 'message')) as [Buffer]
  page.terminate()
  expect(said.toString()).toBe('hello')
})

it('a connection ends when its token is revoked', async () => {
  const made = await at.tokens.create({ scope: { connect: ['port:shout'] }, lifetimeMs: 600_000 })
  const { socket } = await connect('shout.server.mesh:80', basic(made.text))
  socket.on('error', () => {})
  await at.tokens.revoke(made.token.id)
  await vi.waitFor(() => expect(socket.destroyed || socket.readableEnded).toBe(true), 20_000)
})

it('a port outside of the scope is refused and on record here, and a port outside of the policy at both ends', async () => {
  const narrow = await at.portsToken('narrow', 'port:web')
  expect((await connect('shout.server.mesh:80', basic(narrow))).text).toContain('--connect')
  await connect('secret.server.mesh:80', basic(await at.portsToken('wide', 'port:*')))
  const recorded = async (member: string, app: string) =>
    (await at.denials(member)).find(({ detail }) => detail?.['app'] === app)?.detail
  await vi.waitFor(async () => {
    expect(await recorded('desk', 'narrow')).toMatchObject({ by: 'scope', target: 'port:shout' })
    expect(await recorded('desk', 'wide')).toMatchObject({ by: 'policy', target: 'port:secret' })
    expect(await recorded('server', 'wide')).toMatchObject({ action: 'connect', target: 'port:secret' })
  }, 20_000)
})
