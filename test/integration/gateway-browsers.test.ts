/** Ports of members for browsers: `http://web.server.mesh.localhost:PORT/`. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { askPort, MeshBrowser, typed } from '../support/mesh-browser.ts'

let at: GatewayMesh
let token: string
let browser: MeshBrowser
let program: Server
/** At the program. */
let connections = 0
/** What hangs until its browser leaves. */
let hanging = 0

/** `/first` on a connection that had a request before. */
let cut = 0
const asking = new WeakSet<Socket>()

/** Says what it was asked; `/first` as the first request of a connection only; `/cookies` sets some, `/large` sends much, `/hang` never answers. */
const echo = () =>
  createServer((asked, reply) => {
    if (asked.url === '/first' && asking.has(asked.socket)) {
      cut++
      return void asked.socket.destroy()
    }
    asking.add(asked.socket)
    if (asked.url === '/cookies')
      return void reply
        .writeHead(200, { 'set-cookie': ['a=1; Domain=mesh.localhost; Path=/', 'agent-mesh-8441=planted'] })
        .end()
    if (asked.url === '/large') return void reply.end(Buffer.alloc(4_000_000, 'x'))
    if (asked.url === '/hang') {
      hanging++
      return void reply.once('close', () => hanging--)
    }
    asked.toArray().then(
      pieces => {
        const { method, url, headers } = asked
        reply.end(JSON.stringify({ method, url, headers, bytes: Buffer.concat(pieces).length }))
      },
      () => reply.destroy(),
    )
  })

beforeAll(async () => {
  const to = ['port:web', 'port:owners', 'port:7']
  at = await GatewayMesh.start({ from: ['role:agent'], to, allow: ['connect'] })
  program = echo().listen(0, '127.0.0.1')
  program.on('connection', () => connections++)
  await once(program, 'listening')
  new WebSocketServer({ server: program }).on('connection', (socket, { headers }) =>
    socket.on('message', said =>
      socket.send(`${headers.cookie ?? 'no cookie'}: ${(said as Buffer).toString()}`),
    ),
  )
  const { port } = program.address() as AddressInfo
  for (const name of ['web', 'secret']) at.server.expose({ name, to: { port } })
  at.server.expose({ name: 'owners', to: { port }, allow: ['name:nobody'] })
  token = await at.portsToken('firefox', 'port:*')
  await vi.waitFor(async () => expect((await opened('web')).status).toBe(200), 20_000)
  browser = await MeshBrowser.open(await addressOf('web'))
})
afterAll(async () => {
  program.closeAllConnections()
  await at.stop()
  program.close()
})

const opened = (port: string, by = token) => at.ask('/v1/open', jsonBody(by, { peer: 'server', port }))
const addressOf = async (port: string, by = token) => String((await opened(port, by)).json()['url'])

it('an address opens a port once, and is exchanged for a cookie of its host alone', async () => {
  const url = await addressOf('web')
  expect(new URL(url).host).toBe(`web.server.mesh.localhost:${at.port}`)
  const { status, headers } = await askPort(url, { headers: typed })
  expect([status, headers.location]).toEqual([303, '/'])
  const cookie = `agent-mesh-${at.port}`
  expect(headers['set-cookie']).toEqual([
    expect.stringMatching(
      new RegExp(`^${cookie}=[\\w-]{43}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict$`),
    ),
  ])
  const again = await askPort(url, { headers: typed })
  expect([again.status, again.headers['set-cookie']]).toEqual([401, undefined])
  // From the history of the browser that opened it.
  const signedIn = { ...typed, cookie: headers['set-cookie']![0]!.split(';')[0]! }
  expect((await askPort(url, { headers: signedIn })).status).toBe(303)
})

it('requests pass, with their bodies, and without the cookie of the gateway', async () => {
  const sent = await browser.ask('/a?b=%20c', {
    method: 'POST',
    body: 'x'.repeat(100_000),
    headers: { cookie: `theme=dark; ${browser.cookie}` },
  })
  expect(JSON.parse(sent.text)).toMatchObject({
    ...{ method: 'POST', url: '/a?b=%20c', bytes: 100_000 },
    headers: { host: new URL(browser.origin).host, origin: browser.origin, cookie: 'theme=dark' },
  })
  const { headers } = JSON.parse((await browser.visit('/')).text) as { headers: object }
  expect(headers).not.toHaveProperty('cookie')
  expect((await browser.ask('/large')).text).toHaveLength(4_000_000)
})

it('a program sets cookies for its own address, and none of the gateway', async () => {
  const { headers } = await browser.ask('/cookies')
  expect(headers['set-cookie']).toEqual(['a=1; Path=/'])
  expect(headers['cross-origin-resource-policy']).toBe('same-origin')
})

it('WebSockets of the page pass, without the cookie of the gateway', async () => {
  const socket = new WebSocket(`${browser.origin.replace('http', 'ws')}/`, {
    createConnection: () => connect(at.port, '127.0.0.1'),
    headers: { origin: browser.origin, cookie: browser.cookie },
  })
  await once(socket, 'open')
  socket.send('hello')
  const [said] = (await once(socket, 'message')) as [Buffer]
  expect(said.toString()).toBe('no cookie: hello')
  socket.close()
  await once(socket, 'close')
})

it('a browser that leaves cancels its request', async () => {
  const sent = connect(at.port, '127.0.0.1').on('error', () => undefined)
  const { host } = new URL(browser.origin)
  sent.write(
    `GET /hang HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nCookie: ${browser.cookie}\r\n\r\n`,
  )
  await vi.waitFor(() => expect(hanging).toBe(1), 20_000)
  sent.destroy()
  await vi.waitFor(() => expect(hanging).toBe(0), 20_000)
})

it('requests of a page that follow each other have one connection to its program, those with a body one each', async () => {
  const page = await MeshBrowser.open(await addressOf('web'))
  const connectionsOf = async (path: string, sent = {}) => {
    const before = connections
    for (let i = 0; i < 5; i++) expect((await page.ask(path, sent)).status).toBe(200)
    return connections - before
  }
  // More than one where a busy machine lets a second pass between two of them.
  await vi.waitFor(async () => expect(await connectionsOf('/file')).toBeLessThanOrEqual(1), 60_000)
  expect(await connectionsOf('/', { method: 'POST', body: 'x' })).toBe(5)
})

it('a request is sent again when its program has closed the connection that waited', async () => {
  const page = await MeshBrowser.open(await addressOf('web'))
  // Where a second passes between the two, none waits.
  await vi.waitFor(async () => {
    expect((await page.ask('/')).status).toBe(200)
    expect((await page.ask('/first')).status).toBe(200)
    expect(cut).toBeGreaterThan(0)
  }, 20_000)
})

it('a tab without a session says how to sign in', async () => {
  const { status, headers, text } = await askPort(`${browser.origin}/d/1`, { headers: typed })
  expect([status, headers['content-type']]).toEqual([401, 'text/html; charset=utf-8'])
  expect(text).toContain('agent-mesh open web.server')
})

it('a port outside of the scope is refused and on record here, and a port outside of the policy at both ends', async () => {
  const narrow = await at.portsToken('narrow', 'port:web')
  const wide = await at.portsToken('wide', 'port:*')
  expect((await opened('secret', narrow)).json()).toMatchObject({
    status: 403,
    hint: expect.stringContaining('--connect') as string,
  })
  expect((await opened('secret', wide)).json()['detail']).toContain('the policy grants it to no role')
  expect((await opened('owners', wide)).json()['detail']).toContain('the owner of that machine opened it for')
  expect((await opened('7', wide)).status).toBe(404)
  expect((await at.ask('/v1/open', jsonBody(wide, { peer: at.server.peerId, port: 'web' }))).status).toBe(400)
  const recorded = async (member: string, app: string) =>
    (await at.denials(member)).find(({ detail }) => detail?.['app'] === app)?.detail
  await vi.waitFor(async () => {
    expect(await recorded('desk', 'narrow')).toMatchObject({ by: 'scope', target: 'port:secret' })
    expect(await recorded('desk', 'wide')).toMatchObject({ by: 'policy', target: 'port:secret' })
    expect(await recorded('server', 'wide')).toMatchObject({ action: 'connect', target: 'port:secret' })
  }, 20_000)
})

it('a session, and what it has open, ends when its token is revoked', async () => {
  const made = await at.tokens.create({ scope: { connect: ['port:web'] }, lifetimeMs: 600_000 })
  const ending = await MeshBrowser.open(await addressOf('web', made.text))
  const hangs = ending.ask('/hang').then(
    () => 'answered',
    () => 'cut',
  )
  await vi.waitFor(() => expect(hanging).toBe(1), 20_000)
  await at.tokens.revoke(made.token.id)
  expect(await hangs).toBe('cut')
  expect((await ending.ask('/')).status).toBe(401)
  expect((await browser.ask('/')).status).toBe(200)
})

it('a browser that is signed out has nothing open and no cookie; the path is not that of the program', async () => {
  const leaving = await MeshBrowser.open(await addressOf('web'))
  const hangs = leaving.ask('/hang').then(
    () => 'answered',
    () => 'cut',
  )
  await vi.waitFor(() => expect(hanging).toBe(1), 20_000)
  // A link of another page: a person has to confirm.
  const link = { ...typed, 'sec-fetch-site': 'cross-site' }
  expect((await leaving.visit('/.agent-mesh/close', link)).status).toBe(401)
  // A browser that loads it ahead.
  expect((await leaving.visit('/.agent-mesh/close', { ...typed, 'sec-purpose': 'prefetch' })).status).toBe(
    401,
  )
  expect((await leaving.ask('/')).status).toBe(200)

  const { status, headers, text } = await leaving.visit('/.agent-mesh/close')
  expect([status, text]).toEqual([200, expect.stringContaining('signed out')])
  expect(headers['set-cookie']).toEqual([
    `agent-mesh-${at.port}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict`,
  ])
  expect(headers['clear-site-data']).toBe('"cache", "storage"')
  expect(await hangs).toBe('cut')
  expect((await leaving.ask('/')).status).toBe(401)
  expect((await browser.ask('/')).status).toBe(200)
})

it('a program signs out the browsers that it signed in, of one port or of all, and none of others', async () => {
  const by = await at.portsToken('kiosk', 'port:*')
  const close = async (body: object) => (await at.ask('/v1/open/close', jsonBody(by, body))).json()
  const shown = await MeshBrowser.open(await addressOf('web', by))
  const waiting = await addressOf('web', by)
  expect(await close({ peer: 'server', port: 'other' })).toEqual({ browsers: 0, addresses: 0 })
  expect(await close({ peer: 'server', port: 'web' })).toEqual({ browsers: 1, addresses: 1 })
  expect((await shown.ask('/')).status).toBe(401)
  expect((await askPort(waiting, { headers: typed })).status).toBe(401)
  await MeshBrowser.open(await addressOf('web', by))
  expect(await close({})).toEqual({ browsers: 1, addresses: 0 })
  expect((await browser.ask('/')).status).toBe(200)
  expect(await close({ peer: 'server' })).toMatchObject({
    status: 400,
    detail: expect.stringContaining('has peer and port, or neither') as string,
  })
})

it('OpenAPI says how to open a port, to tokens that may connect', async () => {
  const pathsOf = async (by: string) => {
    const asked = { method: 'GET', authorization: `Bearer ${by}` }
    return (await at.ask('/v1/openapi.json', asked)).json()['paths']
  }
  const request = { type: 'object', required: ['peer', 'port'], additionalProperties: false }
  const content = { 'application/json': { schema: expect.objectContaining(request) as object } }
  expect(await pathsOf(await at.portsToken('narrow', 'port:web'))).toMatchObject({
    '/v1/open': {
      post: { requestBody: { content }, 'x-agent-mesh-targets': ['port:web'] },
    },
  })
  expect(await pathsOf(await at.token('calls', 'service:math.*'))).not.toHaveProperty('/v1/open')
})
