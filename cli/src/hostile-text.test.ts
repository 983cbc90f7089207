/** Every command, while the member and the control plane answer with text that would steer a terminal. */
import { socketPath } from '@agent-mesh/agent/gateway/local-address'
import { createIdentity } from '@agent-mesh/agent/identity/identity-file'
import type { Argument, Command } from 'commander'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { writeContext } from './data/context-file.ts'
import { createProgram, runProgram } from './program.ts'

/** A false row, concealed text, a title, an override, what is invisible, and a long way to the right. */
const evil = `x\nweb-2 yes forged\r\u001b[8m\u001b]0;title\u0007\u009b2J\u202e\u200b\u2028\u{e0041}${' '.repeat(80)}web-2 yes forged`
const peerId = '12D3KooWT3gYEvLJyx1FyyHqrmvdy1tMjpgxmu9aSeKMEuafQtyC'
const hash = 'A'.repeat(43)

const member = { peerId, name: evil }
const load = { agents: 1, reservations: 1, visitors: 1 }
const presence = { members: 1, online: 1, stale: 0 }
const answers: Record<string, unknown> = {
  '/v1/status': {
    ...{ kind: 'agent', version: evil, pid: 1, startedAt: 1, meshId: evil, ...member, region: evil },
    ...{ ready: true, warnings: [evil], controlPlane: { url: evil, reachable: false, refused: evil } },
    ...{ relays: [{ ...member, reserved: true }], addrs: [evil], services: [evil] },
    ...{ members: { known: 1, online: 1 }, links: { direct: 1, webrtc: 0, relay: 0 } },
  },
  '/v1/peers': {
    peers: [{ ...member, kind: 'agent', online: true, source: 'link', region: evil, services: [evil] }],
  },
  '/v1/services': { services: [{ service: evil, providers: [{ ...member, online: true }] }] },
  '/v1/call': { ...member, value: { [evil]: evil }, ms: 1 },
  '/v1/call-all': {
    results: [
      { ...member, ok: true, value: evil },
      { ...member, ok: false, error: { code: 'application', message: evil } },
    ],
  },
  '/v1/publish': { acks: 1 },
  '/v1/ports': { ports: [{ name: 'ssh', kind: 'tcp', host: '127.0.0.1', port: 22, allow: ['tag:ops'] }] },
  '/v1/expose': { [evil]: evil },
  '/v1/unexpose': { [evil]: evil },
  '/v1/subscribe': {
    ...{ topic: evil, value: { [evil]: evil }, from: member, at: 1, retained: false, lost: 1 },
  },
  '/v1/ping': { ...member, path: 'direct', rttMs: 1 },
  '/v1/path': {
    ...{ from: evil, to: evil, toName: evil },
    links: [
      { path: 'direct', state: 'up', remoteAddr: evil, relay: evil, dialledBy: 'us', ageMs: 1 },
      {
        ...{ path: 'relay', state: 'up', remoteAddr: evil, relay: evil, relayName: evil },
        ...{ dialledBy: 'us', ageMs: 1 },
      },
    ],
    tried: [{ name: evil, relayName: evil, at: 1, error: evil }],
    upgrade: { attempts: 1, result: evil, reason: evil },
  },
  '/v1/rotate-key': { kid: evil, signsAt: 1, revoked: [evil] },
  '/v1/confirm-clock': { now: 1 },
  '/v1/health': {
    ...{ asOf: 1, ageMs: 1, latency: [{ from: evil, to: evil, ms: 1 }] },
    regions: [{ region: evil, ...presence, relays: 1, relaysLeased: 1, load, ageMs: 1 }],
    services: [{ service: evil, region: evil, ...presence }],
  },
  '/v1/audit': {
    entries: [
      { seq: 1, at: 1, who: evil.slice(0, 128), what: 'denied', detail: { [evil]: evil }, prev: hash, hash },
    ],
    head: { seq: 1, hash },
  },
  '/v1/tokens': { token: evil, tokens: [], id: evil },
}

/** `answer`: what it can say; `fail`: an error with hostile text on every route. */
let mode: 'answer' | 'fail' = 'answer'
const servers: Server[] = []
let folder = ''

const problem = {
  ...{ type: 'urn:agent-mesh:error:conflict', title: evil, status: 409, code: 'conflict' },
  ...{ detail: evil, hint: evil, details: { [evil]: evil } },
}

async function hostile(listen: (server: Server) => void): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume()
    const answer = mode === 'answer' ? answers[request.url?.split('?')[0] ?? ''] : undefined
    const type = answer === undefined ? 'application/problem+json' : 'application/json'
    response.writeHead(answer === undefined ? 409 : 200, { 'content-type': type })
    response.end(JSON.stringify(answer ?? problem))
  })
  listen(server)
  await once(server, 'listening')
  servers.push(server)
  return server
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-'))
  // The state of a command, the context in use say, is not that of the user who runs the tests.
  vi.stubEnv('XDG_DATA_HOME', join(folder, 'home'))
  await createIdentity(folder, 'admin-identity.json')
  await writeFile(join(folder, 'policy.json'), JSON.stringify({ grants: [], tests: [] }))
  const tools = { read: { description: evil, inputSchema: { [evil]: evil } } }
  await mkdir(join(folder, 'mcp-tools'))
  await writeFile(join(folder, 'mcp-tools', 'notes.seen.json'), JSON.stringify(tools))
  await hostile(server => server.listen(socketPath(folder)))
  const { port } = (await hostile(server => server.listen(0, '127.0.0.1'))).address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  await writeContext(folder, { url, meshId: 'a'.repeat(52), admin: 'admin-identity.json' })
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

/**
 * They run until they are stopped or their input ends (repl/mesh-repl.test.ts has what that shows), start processes or use an account
 * in the cloud; none shows text of others before.
 */
const notRun = [
  'repl',
  'forward',
  'up',
  'relay',
  'page',
  'control-plane',
  'demo',
  'deploy aws',
  'admin init',
  'admin restored',
]

const leaves = (
  command: Command,
  path: readonly string[],
): { path: readonly string[]; command: Command }[] =>
  command.commands.length === 0
    ? [{ path, command }]
    : command.commands.flatMap(child => leaves(child, [...path, child.name()]))

const argumentsOf: Record<string, readonly string[]> = {
  call: ['test.echo', '{}'],
  'call-all': ['test.echo', '{}'],
  init: ['FOLDER/project'],
  mcp: ['approve', 'notes'],
  publish: ['alerts.disk', '{}'],
  serve: ['--http', 'math=http://127.0.0.1:9000'],
  subscribe: ['alerts.*'],
  connect: ['web-1:ssh'],
  open: ['grafana.web-1'],
  expose: ['22', '--as', 'ssh'],
  top: ['--once'],
  revoke: ['web-1', '--yes'],
  'token show': ['I1EPabf-ADDXQ34b'],
  'token revoke': ['I1EPabf-ADDXQ34b'],
  'policy explain': ['web-1', 'call', 'service:math.add'],
  'policy set': ['FOLDER/policy.json'],
  'policy test': [],
}

/** Of a command that is not in the table: something for each argument that it must have. */
const anyArguments = ({ registeredArguments }: Command): string[] =>
  registeredArguments
    .filter(({ required }) => required)
    .map((argument: Argument) => argument.argChoices?.[0] ?? 'x')

async function shown(args: readonly string[]): Promise<string> {
  let text = ''
  const streams = [process.stdout, process.stderr].map(stream =>
    vi.spyOn(stream, 'write').mockImplementation(chunk => (text += String(chunk)) !== ''),
  )
  const { isTTY } = process.stdout
  process.stdout.isTTY = true
  try {
    await runProgram(args)
  } finally {
    process.stdout.isTTY = isTTY
    for (const spy of streams) spy.mockRestore()
  }
  return text
}

const commands = leaves(
  createProgram(false, () => undefined),
  [],
)
  .map(({ path, command }) => ({ name: path.join(' '), command }))
  .filter(({ name }) => !notRun.includes(name))

/** Sequences that the command itself may write: bold, dim, colours, and their ends. */
// eslint-disable-next-line no-control-regex -- these sequences are what it is about
const styles = /\u001b\[(?:1|2|22|3[0-7]|39)m/g

describe.each(['answer', 'fail'] as const)('with hostile text in each %s', how => {
  test.each(commands)('agent-mesh $name obeys none of it', async ({ name, command }) => {
    mode = how
    const args = (argumentsOf[name] ?? anyArguments(command)).map(arg => arg.replace('FOLDER', folder))
    const line = ['--data', folder, ...name.split(' '), ...args]
    const text = (await shown(line)).replaceAll(styles, '')
    const json = await shown([...line, '--json'])
    for (const said of [text, json]) {
      // Completions are for a shell, which divides them at tabs.
      const plain = said.replaceAll(name === '__complete' ? /[\n\t]/g : '\n', '')
      expect(plain).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
      expect(said).not.toMatch(/^\s*web-2/m)
    }
  })
})

test('the hostile text is in what the commands show, so that these tests see something', async () => {
  mode = 'answer'
  const names = [
    'status',
    'peers',
    'services',
    'call test.x',
    'call-all test.x',
    'path x',
    'ping x',
    'subscribe x',
    'health',
    'audit tail',
    'mcp approve notes',
  ]
  for (const name of names)
    expect(await shown(['--data', folder, ...name.split(' ')]), name).toContain('web-2 yes forged')
  mode = 'fail'
  for (const name of ['status', 'token list', 'policy get'])
    expect(await shown(['--data', folder, ...name.split(' ')]), name).toContain('\\x0aweb-2 yes forged')
})
