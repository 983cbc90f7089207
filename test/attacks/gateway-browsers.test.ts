/** Pages of other members and other sites, and strangers, at the addresses of ports of members. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { askPort, MeshBrowser, typed } from '../support/mesh-browser.ts'

let at: GatewayMesh
let token: string
let browser: MeshBrowser
let program: Server
/** Paths that the program was asked for. */
const asked: string[] = []
/** What follows is the reply, as it is. */
const raw = '/raw?'

beforeAll(async () => {
  at = await GatewayMesh.start({
    from: ['role:agent'],
    to: ['port:web', 'port:evil'],
    allow: ['connect'],
  })
  program = createServer(({ url = '', socket }, reply) => {
    asked.push(url)
    if (url.startsWith(raw)) return void socket.end(decodeURIComponent(url.slice(raw.length)))
    if (!url.startsWith('/hang')) reply.end('secret of the page')
  }).listen(0, '127.0.0.1')
  await once(program, 'listening')
  const { port } = program.address() as AddressInfo
  for (const name of ['web', 'evil']) at.server.expose({ name, to: { port } })
  token = await at.portsToken('firefox', 'port:*')
  await vi.waitFor(async () => (await at.desk.connect('server', 'web')).destroy(), 20_000)
  browser = await MeshBrowser.open(await addressOf('web'))
})
afterAll(async () => {
  program.closeAllConnections()
  await at.stop()
  program.close()
})

const addressOf = async (port: string, by = token) =>
  String((await at.ask('/v1/open', jsonBody(by, { peer: 'server', port }))).json()['url'])
const evilOrigin = () => `http://evil.server.mesh.localhost:${at.port}`

/** The cookie comes along: all members are one site. */
const attempts: [string, string, () => Record<string, string>][] = [
  ['another member reads by fetch', 'GET', () => ({ 'sec-fetch-site': 'same-site', origin: evilOrigin() })],
  ['another member loads a script', 'GET', () => ({ 'sec-fetch-site': 'same-site', origin: '' })],
  [
    'another member has it in a frame',
    'GET',
    () => ({ ...typed, 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'iframe', origin: '' }),
  ],
  [
    'another member posts a form',
    'POST',
    () => ({ ...typed, 'sec-fetch-site': 'same-site', origin: evilOrigin() }),
  ],
  ['another site posts', 'POST', () => ({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })],
  ['a sandboxed frame', 'GET', () => ({ 'sec-fetch-site': 'cross-site', origin: 'null' })],
  ['an old browser posts for another member', 'POST', () => ({ 'sec-fetch-site': '', origin: evilOrigin() })],
  [
    'another port of this machine',
    'GET',
    () => ({ 'sec-fetch-site': 'same-site', origin: 'http://localhost' }),
  ],
  ['a rebound name', 'GET', () => ({ host: `evil.example:${at.port}` })],
  [
    'a name that only looks like it',
    'GET',
    () => ({ host: `web.server.mesh.localhost.evil.example:${at.port}` }),
  ],
  ['the name with a dot behind it', 'GET', () => ({ host: `web.server.mesh.localhost.:${at.port}` })],
  ['the name with another port', 'GET', () => ({ host: 'web.server.mesh.localhost:1' })],
  ['the name of a member alone', 'GET', () => ({ host: `server.mesh.localhost:${at.port}` })],
]
it.each(attempts)(
  '%s, with the cookie: refused, and the program is not asked',
  async (_, method, headers) => {
    asked.length = 0
    const given = Object.entries(headers()).filter(([, value]) => value !== '')
    const without = Object.entries(headers()).filter(([, value]) => value === '')
    const own: Record<string, string> = { 'sec-fetch-site': 'same-origin', origin: browser.origin }
    for (const [name] of without) delete own[name]
    const answer = await askPort(`${browser.origin}/`, {
      method,
      headers: { ...own, cookie: browser.cookie, ...Object.fromEntries(given) },
    })
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([403, undefined])
    expect([answer.text.includes('secret'), asked]).toEqual([false, []])
    expect((await browser.ask('/')).status).toBe(200)
  },
)

it('a link of another member shows a page of the gateway, which no frame holds and which a person has to confirm', async () => {
  asked.length = 0
  const link = { ...typed, 'sec-fetch-site': 'same-site' }
  const { status, headers, text } = await browser.visit('/delete?all', link)
  expect([status, asked]).toEqual([401, []])
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
  expect(text).toContain('<a href="">continue</a>')
  expect((await browser.visit('/delete?all', { ...typed, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
})

it('the cookie of one address is none at another, nor at the API', async () => {
  const own = { 'sec-fetch-site': 'same-origin', cookie: browser.cookie }
  expect((await askPort(`${evilOrigin()}/`, { headers: own })).status).toBe(401)
  for (const path of ['/v1/describe', '/v1/openapi.json']) {
    const answer = await at.ask(path, { method: 'GET', cookie: browser.cookie })
    expect(answer.status, path).toBe(401)
  }
})

describe('a page of a member', () => {
  it.each(['127.0.0.1', 'localhost', 'mesh.localhost'])('does not reach the API at %s', async name => {
    const url = `http://${name}:${at.port}/v1/open`
    const page = { origin: evilOrigin(), 'content-type': 'application/json' }
    for (const site of ['cross-site', 'same-site'])
      for (const more of [{}, { authorization: `Bearer ${token}` }]) {
        const headers = { ...page, 'sec-fetch-site': site, ...more }
        const body = JSON.stringify({ peer: 'server', port: 'web' })
        expect((await askPort(url, { method: 'POST', body, headers })).status).toBe(403)
      }
  })

  it('has no API at its own address: paths of it go to its program', async () => {
    expect((await browser.ask('/v1/describe', { headers: { authorization: `Bearer ${token}` } })).text).toBe(
      'secret of the page',
    )
  })
})

it.each([
  ['a key that was guessed', () => `${browser.origin}/.agent-mesh/open?key=${'A'.repeat(43)}`],
  ['no key', () => `${browser.origin}/.agent-mesh/open`],
])('%s opens nothing', async (_, url) => {
  const { status, headers } = await askPort(url(), { headers: typed })
  expect([status, headers['set-cookie']]).toEqual([401, undefined])
})

it.each([
  ['a page of another member', { 'sec-fetch-site': 'same-site' }, 401],
  [
    'an image',
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' },
    403,
  ],
  ['a browser that loads ahead', { 'sec-purpose': 'prefetch' }, 401],
  ['another method', { 'x-method': 'HEAD' }, 401],
])('a one-time address is not used up by %s', async (_, more, status) => {
  const url = await addressOf('web')
  const { 'x-method': method = 'GET', ...headers } = more as Record<string, string>
  const refused = await askPort(url, { method, headers: { ...typed, ...headers } })
  expect([refused.status, refused.headers['set-cookie']]).toEqual([status, undefined])
  expect((await askPort(url, { headers: typed })).status).toBe(303)
})

it('a one-time address opens nothing at another address', async () => {
  const url = (await addressOf('web')).replace('//web.', '//evil.')
  expect((await askPort(url, { headers: typed })).status).toBe(401)
})

/** What the gateway says to lines of a head. */
async function saidTo(...lines: string[]): Promise<string> {
  const socket = connect(at.port, '127.0.0.1').on('error', () => undefined)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return text(socket)
}

describe('by hand', () => {
  const host = () => `Host: ${new URL(browser.origin).host}`
  const own = () => [`Cookie: ${browser.cookie}`, 'Sec-Fetch-Site: same-origin']

  it.each([
    ['two hosts', () => ['GET / HTTP/1.1', host(), 'Host: evil.example', ...own()], /^HTTP\/1\.1 40[03] /],
    [
      'two hosts, the other way',
      () => ['GET / HTTP/1.1', 'Host: x', host(), ...own()],
      /^HTTP\/1\.1 40[03] /,
    ],
    [
      'a line with another host',
      () => ['GET http://127.0.0.1/ HTTP/1.1', host(), ...own()],
      /^HTTP\/1\.1 400 /,
    ],
    [
      'two sites',
      () => ['GET / HTTP/1.1', host(), ...own(), 'Sec-Fetch-Site: cross-site'],
      /^HTTP\/1\.1 403 /,
    ],
    [
      'a WebSocket of another member',
      () => [
        ...['GET / HTTP/1.1', host(), `Cookie: ${browser.cookie}`, `Origin: ${evilOrigin()}`],
        ...['Connection: Upgrade', 'Upgrade: websocket'],
      ],
      /^HTTP\/1\.1 403 /,
    ],
    [
      'a WebSocket without a session',
      () => [
        ...[
          'GET / HTTP/1.1',
          host(),
          `Origin: ${browser.origin}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
        ],
      ],
      /^HTTP\/1\.1 401 /,
    ],
    [
      'a WebSocket to the API by a page of a member',
      () => [
        ...['GET /v1/ws HTTP/1.1', `Host: 127.0.0.1:${at.port}`, `Origin: ${browser.origin}`],
        ...['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Protocol: bearer.${token}`],
      ],
      /^HTTP\/1\.1 403 /,
    ],
  ])('%s: refused', async (_, lines, said) => {
    asked.length = 0
    expect(await saidTo(...lines())).toMatch(said)
    expect(asked).toEqual([])
  })
})

it('each request of an open connection is checked', async () => {
  const { host } = new URL(browser.origin)
  const head = (...more: string[]) => [
    'GET /kept HTTP/1.1',
    `Host: ${host}`,
    'Sec-Fetch-Site: same-origin',
    ...more,
  ]
  asked.length = 0
  const said = await saidTo(...head(`Cookie: ${browser.cookie}`), '', ...head(), '', ...head())
  expect(said.match(/HTTP\/1\.1 \d+/g)?.slice(0, 2)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401'])
  expect(asked).toEqual(['/kept'])
})

it('a browser that leaves before its WebSocket is answered leaves nothing open', async () => {
  const socket = connect(at.port, '127.0.0.1')
  const head = [
    ...['GET /hang HTTP/1.1', `Host: ${new URL(browser.origin).host}`, `Origin: ${browser.origin}`],
    ...[`Cookie: ${browser.cookie}`, 'Connection: Upgrade', 'Upgrade: websocket'],
  ]
  asked.length = 0
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await vi.waitFor(() => expect(asked).toEqual(['/hang']), 20_000)
  // Its half alone: the gateway ends the other.
  socket.end()
  await once(socket.resume(), 'close')
})

it.each([
  'HTTP/1.1 000 none\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 \u0001\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
])('a program that says %j has no page, and the agent runs on', async said => {
  expect((await browser.ask(`${raw}${encodeURIComponent(said)}`)).status).toBe(502)
  expect((await browser.ask('/')).status).toBe(200)
})

it('one page has its share of the requests of a token, which has its share of all', async () => {
  const { requestsOfToken, requestsOfSession } = gatewayDefaults
  const other = await at.portsToken('other', 'port:web')
  const opened = async (by: string) => MeshBrowser.open(await addressOf('web', by))
  const ofToken = [browser]
  while (ofToken.length <= requestsOfToken / requestsOfSession) ofToken.push(await opened(token))
  const last = ofToken.pop()!
  const left = new AbortController()
  const hang = async (each: MeshBrowser) => {
    const before = asked.length
    hangAt(each, requestsOfSession, left.signal)
    await vi.waitFor(() => expect(asked).toHaveLength(before + requestsOfSession), 60_000)
    expect((await each.ask('/')).status).toBe(429)
  }
  await hang(browser)
  expect((await last.ask('/')).status).toBe(200)
  for (const each of ofToken.slice(1)) await hang(each)
  expect((await last.ask('/')).status).toBe(429)
  expect((await (await opened(other)).ask('/')).status).toBe(200)
  left.abort()
  await vi.waitFor(async () => expect((await browser.ask('/')).status).toBe(200), 20_000)
})

/** Requests of a page that wait until `signal`. */
function hangAt({ origin, cookie }: MeshBrowser, count: number, signal: AbortSignal): void {
  const own = [`Host: ${new URL(origin).host}`, `Cookie: ${cookie}`, 'Sec-Fetch-Site: same-origin']
  for (let i = 0; i < count; i++)
    connect({ port: at.port, host: '127.0.0.1', signal })
      .on('error', () => undefined)
      .write(['GET /hang HTTP/1.1', ...own, '\r\n'].join('\r\n'))
}
