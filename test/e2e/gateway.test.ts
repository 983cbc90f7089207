/** The gateway between real processes: the recipe of docs/gateway.md, run by a shell with curl as it stands there. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { joined, upArgs } from '../support/joined.ts'
import { SocketProgram } from '../support/program-socket.ts'
import { MeshBrowser } from '../support/mesh-browser.ts'

const checkout = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)
const service = `
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'
const contract = defineService({ name: 'math', version: 1, methods: {
  add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number() } } })
export default { contract, handlers: { add: ({ a, b }) => a + b } }
`
/** Names each module of the gateway, and of its library for RPCs, that its process loads, from the sources or the bundle, by their texts. */
const loadNoter = `
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) {
  const loaded = next(url, context)
  const found = String(loaded.source ?? '').match(/Cannot use the gateway|it names no method|cannot negotiate protocol/g) ?? []
  appendFileSync(process.env.LOADED, found.map(text => text + '\\n').join(''))
  return loaded
} })
`
const programs = await readFile(join(checkout, 'docs', 'programs.md'), 'utf8')
let workshop: Workshop
let desk: Daemon
let page: string
const loadedBy = (name: string) => workshop.folder(`loaded-by-${name}`)
const at = () => ['--data', workshop.folder('desk')]

beforeAll(async () => {
  page = await readFile(join(checkout, 'docs', 'gateway.md'), 'utf8')
  workshop = await openWorkshop()
  const module = workshop.folder('math.ts')
  await writeFile(module, service)
  const noter = workshop.folder('noter.mjs')
  await writeFile(noter, loadNoter)
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await letConnectToWeb()
  const up = (name: string, ...more: string[]) => {
    const env = { NODE_OPTIONS: `--import=${noter}`, LOADED: loadedBy(name) }
    return joined(workshop, name, upArgs(...more), { env })
  }
  await up('server', '--serve', module)
  desk = await up('desk', '--gateway', '127.0.0.1:0')
  const services = () => runCommand(['services', '--json', ...at()])
  await vi.waitFor(async () => expect((await services()).stdout).toContain('math@1'), 60_000)
})
afterAll(() => workshop.end())

/** Agents that start later have the grant at once. */
async function letConnectToWeb(): Promise<void> {
  const cp = ['--data', workshop.folder('cp')]
  const policy = JSON.parse((await runCommand(['policy', 'get', ...cp])).stdout) as { grants: object[] }
  policy.grants.push({ from: ['role:agent'], to: ['port:web'], allow: ['connect'] })
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  expect((await runCommand(['policy', 'set', workshop.folder('policy.json'), ...cp])).code).toBe(0)
}

const linesOf = (command: string) =>
  [...page.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) =>
    block.split('\n').filter(line => line.startsWith(command)),
  )

/** What a line of the page makes. */
async function tokenOf(line: string): Promise<Record<string, unknown>> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  return lastJson(await runCommand([...words.slice(1), '--json', ...at()]))
}

it('docs/gateway.md calls with curl what a token covers, until it is revoked', async () => {
  const made = await tokenOf(linesOf('agent-mesh gateway token create')[0]!)
  const env = { ...process.env, TOKEN: String(made['token']), GATEWAY: String(desk.ready['gatewayUrl']) }
  const lines = linesOf('curl').filter(line => line.includes('$TOKEN') && !line.includes('$PROXY'))
  const said = await Promise.all(lines.map(async line => (await run('sh', ['-c', line], { env })).stdout))
  expect(said.slice(0, 2)).toEqual(['3', '3'])
  expect(JSON.parse(said[2]!)).toMatchObject({ openapi: '3.1.0', paths: { '/v1/call/math@1/add': {} } })

  const { id } = made['view'] as { id: string }
  const list = lastJson(await runCommand(['gateway', 'token', 'list', '--json', ...at()]))
  expect(list).toEqual({ tokens: [made['view']] })
  expect((await runCommand(['gateway', 'token', 'revoke', id, ...at()])).code).toBe(0)
  expect(JSON.parse((await run('sh', ['-c', lines[0]!], { env })).stdout)).toMatchObject({ status: 401 })
})

it('a program of the owner calls and serves over the WebSocket of the local socket, without a token', async () => {
  const program = await SocketProgram.openLocal(join(workshop.folder('desk'), 'agent.sock'))
  program.say({ id: 1, call: 'math.add', params: { a: 1, b: 2 } })
  expect(await program.heard({ id: 1 })).toMatchObject({ end: { value: 3, name: 'server' } })
  program.say({ id: 2, serve: 'owned@1', methods: [{ name: 'get' }] })
  expect(await program.heard({ id: 2 })).toMatchObject({ serving: 'owned@1' })
  program.socket.close()
  await program.closed
})

it('docs/gateway.md publishes and subscribes with curl', async () => {
  const made = await tokenOf(linesOf('agent-mesh gateway token create')[1]!)
  const env = { ...process.env, TOPICS: String(made['token']), GATEWAY: String(desk.ready['gatewayUrl']) }
  const [publish = '', subscribe = ''] = linesOf('curl').filter(line => line.includes('$TOPICS'))
  expect((await run('sh', ['-c', publish], { env })).stdout).toBe('{"acks":0}')
  const subscribed = spawn('sh', ['-c', `exec ${subscribe}`], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  // The value is retained.
  const [line] = (await once(createInterface({ input: subscribed.stdout }), 'line')) as [string]
  subscribed.kill()
  expect(JSON.parse(line)).toMatchObject({
    topic: 'alerts.disk',
    value: { free: 12 },
    from: { name: 'desk' },
  })
})

it('docs/grpc.md calls with curl, and the library for RPCs is loaded with the first of them', async () => {
  const text = await readFile(join(checkout, 'docs', 'grpc.md'), 'utf8')
  const line = (command: string) => text.split('\n').find(each => each.startsWith(command))!
  const { token } = await tokenOf(line('agent-mesh gateway token create'))
  const env = { ...process.env, TOKEN: String(token), GATEWAY: String(desk.ready['gatewayUrl']) }
  expect(await readFile(loadedBy('desk'), 'utf8')).not.toContain('negotiate')
  const { stdout } = await run('sh', ['-c', line('curl')], { env })
  expect(JSON.parse(stdout)).toMatchObject({ result: { json: '3' }, name: 'server' })
  expect(await readFile(loadedBy('desk'), 'utf8')).toContain('negotiate')
  const printed = await runCommand(['gateway', 'proto'])
  expect(printed.stdout).toBe(await readFile(join(checkout, 'cli/proto/agentmesh/v1/mesh.proto'), 'utf8'))
})

it('docs/gateway.md reaches a port of a member with curl through SOCKS and CONNECT', async () => {
  const web = createServer((asked, reply) => reply.end(`for ${asked.headers['mesh-name']}`)).listen(
    0,
    '127.0.0.1',
  )
  await once(web, 'listening')
  const { port } = web.address() as AddressInfo
  expect(
    (await runCommand(['expose', 'http', `${port}`, '--as', 'web', '--data', workshop.folder('server')]))
      .code,
  ).toBe(0)
  const { token } = await tokenOf(linesOf('agent-mesh gateway token create')[2]!)
  const env = { ...process.env, TOKEN: String(token), PROXY: new URL(String(desk.ready['gatewayUrl'])).host }
  const lines = linesOf('curl').filter(line => line.includes('$PROXY'))
  expect(lines).toHaveLength(2)
  for (const line of lines) {
    const said = () => run('sh', ['-c', line], { env })
    await vi.waitFor(async () => expect((await said()).stdout).toBe('for desk'), 20_000)
  }
  web.close()
})

it('docs/gateway.md opens a port of a member in a browser, for whom the policy and its owner allow', async () => {
  const web = createServer((asked, reply) => reply.end(`for ${asked.headers['mesh-name']}`)).listen(
    0,
    '127.0.0.1',
  )
  await once(web, 'listening')
  const { port } = web.address() as AddressInfo
  const server = ['--data', workshop.folder('server')]
  const expose = (...allow: string[]) =>
    runCommand(['expose', 'http', `${port}`, '--as', 'web', ...allow, ...server])
  const words = linesOf('agent-mesh open')[0]!.split(' ').slice(1)
  const open = () => runCommand([...words, '--json', ...at()])

  await runCommand(['unexpose', 'web', ...server])
  expect((await expose('--allow', 'name:nobody')).code).toBe(0)
  const refused = await open()
  expect([refused.code, refused.stdout]).toEqual([4, expect.stringContaining('owner of that machine')])
  await runCommand(['unexpose', 'web', ...server])
  expect((await expose()).code).toBe(0)
  const opened = await open()
  expect(opened).toMatchObject({ code: 0, stderr: '' })
  const browser = await MeshBrowser.open(String(lastJson(opened)['url']))
  expect(browser.origin).toBe(
    `http://web.server.mesh.localhost:${new URL(String(desk.ready['gatewayUrl'])).port}`,
  )
  const forged = { 'mesh-name': 'admin' }
  expect((await browser.ask('/', { headers: forged })).text).toBe('for desk')
  const socket = workshop.folder(join('desk', 'agent.sock'))
  const described = await run('curl', ['-sS', '--unix-socket', socket, 'http://localhost/v1/openapi.json'])
  expect(JSON.parse(described.stdout)).toHaveProperty(['paths', '/v1/open'])
  const closed = await runCommand([
    ...linesOf('agent-mesh open --close')[0]!.split(' ').slice(1),
    '--json',
    ...at(),
  ])
  expect([closed.code, lastJson(closed)]).toEqual([0, { browsers: 1, addresses: 0 }])
  expect((await browser.ask('/')).status).toBe(401)
  web.close()

  // The agent that exposes it has no gateway.
  const without = await runCommand([...words, ...server])
  expect([without.code, without.stderr]).toEqual([7, expect.stringContaining('agent-mesh up --gateway')])
})

interface Example {
  language: string
  file: string
  /** What it answers. */
  says: object
}
const inPython: Example = { language: 'python3', file: 'caller_host.py', says: { name: 'server' } }
const inGo: Example = {
  language: 'go',
  file: 'caller_host.go',
  says: { versions: { node: process.versions.node } },
}

// To compile the one in Go takes a minute on a new machine: `npm run test:languages`.
it.each(process.env['GO_EXAMPLE'] === undefined ? [inPython] : [inPython, inGo])(
  'docs/programs.md serves a program of $language, which calls its caller back',
  async ({ language, file, says }) => {
    const create = /^agent-mesh gateway token create .*$/m.exec(programs)![0]
    const serve = [...programs.matchAll(/^agent-mesh (serve .*)$/gm)]
      .map(([, line = '']) => line)
      .find(line => line.includes('--method') === (language === 'go'))!
    const command = programs.match(/^(?:python3|go) .*$/gm)!.find(line => line.endsWith(file))!
    const { token } = await tokenOf(create)
    const port = await freePort()
    const env = { TOKEN: String(token), GATEWAY: String(desk.ready['gatewayUrl']), PORT: `${port}` }
    // A group of its own: "go run" leaves the program running.
    const program = spawn('sh', ['-c', command], {
      ...{ env: { ...process.env, ...env }, cwd: checkout, stdio: 'ignore', detached: true },
    })
    try {
      const words = serve.replace('9000', `${port}`).split(' ')
      const served = async () => expect(await runCommand([...words, ...at()])).toMatchObject({ code: 0 })
      await vi.waitFor(served, 60_000)
      const call = ['call', 'callers.host', '--json', '--data', workshop.folder('server')]
      const called = async () => expect(lastJson(await runCommand(call))).toMatchObject({ value: says })
      await vi.waitFor(called, 90_000)
    } finally {
      process.kill(-program.pid!)
    }
  },
)

it('the owner asks the same on the local socket, without a token', async () => {
  const socket = workshop.folder('desk') + '/agent.sock'
  const url = 'http://localhost/v1/call/math/add'
  const { stdout } = await run('curl', ['-sS', '--unix-socket', socket, '--json', '{"a":1,"b":2}', url])
  expect(stdout).toBe('3')
})

it('an agent without a gateway has loaded nothing of it after calls', async () => {
  expect(await readFile(loadedBy('desk'), 'utf8')).toMatch(/^(?=.*use the gateway)(?=.*names no method)/s)
  expect(await readFile(loadedBy('server'), 'utf8')).toBe('')
})

it('up says that the port of a gateway is taken', async () => {
  const made = await runCommand(['token', 'create', '--json', '--data', workshop.folder('cp')])
  const taken = new URL(String(desk.ready['gatewayUrl'])).host
  const where = ['--listen', '/ip4/127.0.0.1/tcp/0', '--data', workshop.folder('late')]
  const env = { AGENT_MESH_JOIN: String(lastJson(made)['token']) }
  const { code, stderr } = await runCommand(['up', '--no-mdns', '--gateway', taken, ...where], env)
  // On a busy machine the log of the stop comes before.
  expect([code, stderr.split('\n').slice(-3)]).toEqual([
    8,
    [
      `error: Cannot serve the gateway on ${taken}: another process has the port`,
      'Choose another port: --gateway 127.0.0.1:PORT.',
      '',
    ],
  ])
})

it.each(['0.0.0.0:8441', '192.168.1.5:8441', ':8441'])('up refuses a gateway at %s', async listen => {
  const { code, stderr } = await runCommand(['up', '--gateway', listen, ...at()])
  expect([code, stderr]).toEqual([2, expect.stringContaining('loopback')])
})
