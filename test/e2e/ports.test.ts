/** Ports of members, between real processes: exposed, forwarded, connected to standard input and output. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttp, request, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { buffer, text } from 'node:stream/consumers'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import {
  commandFile,
  lastJson,
  openWorkshop,
  runCommand,
  type Daemon,
  type Workshop,
} from '../support/command.ts'
import { msOf, quickest } from '../support/quickest.ts'

let workshop: Workshop
const members: Record<string, Daemon> = {}
const servers: Server[] = []
const children: ChildProcess[] = []

const up = (name: string, token?: string) =>
  workshop.start(
    name,
    ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns'],
    commandFile,
    token === undefined ? {} : { AGENT_MESH_JOIN: token },
  )
const at = (name: string) => ['--data', workshop.folder(name)]
const run = (name: string, ...args: string[]) => runCommand([...args, ...at(name)])

beforeAll(async () => {
  workshop = await openWorkshop()
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const policy = JSON.parse((await run('cp', 'policy', 'get')).stdout) as { grants: object[] }
  policy.grants.push({ from: ['role:agent'], to: ['port:echo', 'port:web', 'port:gone'], allow: ['connect'] })
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  expect((await run('cp', 'policy', 'set', workshop.folder('policy.json'))).code).toBe(0)
  for (const name of ['box', 'laptop']) {
    const { token } = lastJson(await run('cp', 'token', 'create', '--name', name, '--json'))
    members[name] = await up(name, String(token))
  }
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of servers) server.close()
  await workshop.end()
})

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return (server.address() as AddressInfo).port
}

/** Says in capitals what it was sent, when that has ended. */
const shout = () =>
  createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    text(socket).then(
      said => socket.end(said.toUpperCase()),
      () => {},
    )
  })

/** `agent-mesh forward` of the laptop. @returns the port that it listens on, and its further lines */
async function forward(
  to: string,
  ...listen: string[]
): Promise<{ port: number; lines: object[]; child: ChildProcess }> {
  const child = spawn(process.execPath, [commandFile, 'forward', to, ...listen, '--json', ...at('laptop')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines: { port?: number }[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(JSON.parse(line) as object))
  await vi.waitFor(() => expect(lines).toHaveLength(1), 20_000)
  return { port: lines[0]!.port!, lines, child }
}

/** What comes back through a port of this machine. @throws when the connection is reset, or nothing comes for `limitMs` */
async function say(port: number, words: string, limitMs = 60_000): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setTimeout(limitMs, () => socket.destroy(new Error(`nothing came back for ${limitMs} ms`)))
  socket.end(words)
  return text(socket)
}
/** Of a connection that is reset, or refused, by the system: it has a code. */
const unreachable = { code: expect.stringMatching(/^E/) as string }
const refused = { code: 'ECONNREFUSED' }
const isRefused = (port: number) =>
  vi.waitFor(() => expect(say(port, 'nobody')).rejects.toMatchObject(refused), 20_000)

it('a port stays exposed when its agent starts again, and the next connection through a forward works within 2 s', async () => {
  const server = shout()
  const port = await listening(server)
  expect((await run('box', 'expose', `${port}`, '--as', 'echo', '--allow', 'name:laptop')).code).toBe(0)
  const forwarded = await forward('box:echo')
  await vi.waitFor(async () => expect(await say(forwarded.port, 'first')).toBe('FIRST'), 20_000)

  const works = () => vi.waitFor(async () => expect(await say(forwarded.port, 'again')).toBe('AGAIN'), 20_000)
  const restart = async () => {
    await members['box']!.end()
    await expect(say(forwarded.port, 'nobody')).rejects.toMatchObject(unreachable)
    await vi.waitFor(
      () => expect(forwarded.lines.at(-1)).toMatchObject({ error: { code: 'unavailable' } }),
      20_000,
    )
    members['box'] = await up('box')
    return msOf(works)
  }
  expect(await quickest(2_000, restart)).toBeLessThan(2_000)

  // So it does when the agent of this side starts again.
  await members['laptop']!.end()
  await expect(say(forwarded.port, 'nobody')).rejects.toMatchObject(unreachable)
  members['laptop'] = await up('laptop')
  await vi.waitFor(async () => expect(await say(forwarded.port, 'back')).toBe('BACK'), 20_000)

  // The agent listens: bytes do not pass the command. One that is slow to listen does it while the command runs again.
  const kept = await forward('box:echo')
  const whileAsleep = async () => {
    kept.child.kill('SIGSTOP')
    const answer = say(kept.port, 'asleep', 5_000).finally(() => kept.child.kill('SIGCONT'))
    await expect(answer).resolves.toBe('ASLEEP')
  }
  await vi.waitFor(whileAsleep, 60_000)
  const second = await run('laptop', 'forward', 'box:echo', `${kept.port}`)
  expect(second).toMatchObject({ code: 8, stdout: '' })
  expect(second.stderr).toContain(`Cannot listen on 127.0.0.1:${kept.port}: the port is in use`)
  const arrived: Socket[] = []
  server.on('connection', socket => arrived.push(socket))
  const open = connect({ port: kept.port, host: '127.0.0.1' })
  const reset = expect(text(open)).rejects.toMatchObject({ code: 'ECONNRESET' })
  open.write('x')
  await vi.waitFor(() => expect(arrived.map(({ bytesRead }) => bytesRead)).toContain(1), 20_000)
  kept.child.kill('SIGKILL')
  await reset
  await isRefused(kept.port)

  // Its port is free again when it has ended.
  const { child } = await forward('box:echo', `${kept.port}`)
  for (const one of [child, forwarded.child]) {
    one.kill('SIGINT')
    expect(await once(one, 'exit')).toEqual([0, null])
  }
  for (const { port } of [kept, forwarded]) await isRefused(port)

  const through = await runCommand(['connect', 'box:echo', ...at('laptop')], {}, commandFile, 'stdin')
  expect(through).toMatchObject({ code: 0, stdout: 'STDIN', stderr: '' })

  const lines = [
    `const pipe = await connect('box', 'echo')`,
    'pipe',
    `void pipe.end('typed')`,
    `(await pipe.toArray()).join('')`,
    `await connect('box', 'none')`,
  ]
  const typed = await runCommand(['repl', ...at('laptop')], {}, commandFile, `${lines.join('\n')}\n`)
  expect(typed).toMatchObject({ code: 1, stderr: '' })
  expect(typed.stdout).toMatch(/^Duplex \{ box:echo \}\n'TYPED'\nerror: permission_denied: /)
})

it('lets in whom both the policy and the owner allow, and says which of the two refuses', async () => {
  const port = await listening(shout())
  for (const [name, ...allow] of [['gone', '--allow', 'tag:ops'], ['secret']] as const)
    expect((await run('box', 'expose', `127.0.0.1:${port}`, '--as', name, ...allow)).code).toBe(0)
  expect(await run('box', 'expose', '1', '--as', 'gone')).toMatchObject({ code: 8 })
  expect(lastJson(await run('box', 'exposed', '--json'))).toMatchObject({
    ports: [{ name: 'echo' }, { name: 'gone', allow: ['tag:ops'], kind: 'tcp', port }, { name: 'secret' }],
  })
  const owner = await run('laptop', 'connect', 'box:gone')
  expect(owner).toMatchObject({ code: 4, stderr: expect.stringContaining('owner of that machine') as string })
  const policy = await run('laptop', 'connect', 'box:secret')
  expect(policy).toMatchObject({ code: 4, stderr: expect.stringContaining('policy') as string })
  for (const name of ['gone', 'secret']) expect((await run('box', 'unexpose', name)).code).toBe(0)
  expect(await run('box', 'unexpose', 'gone')).toMatchObject({ code: 7 })
  expect(await run('laptop', 'connect', 'box:gone')).toMatchObject({ code: 7 })
  expect(await run('cp', 'exposed')).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('no agent') as string,
  })
})

it('an http port says who asks, drops forged names, and carries WebSockets', async () => {
  const web = createHttp((asked, response) => {
    void buffer(asked).then(body => response.end(JSON.stringify({ headers: asked.headers, body: `${body}` })))
  })
  new WebSocketServer({ server: web }).on('connection', (socket, { headers }) => {
    socket.on('message', said =>
      socket.send(`${headers['mesh-name'] as string}: ${(said as Buffer).toString()}`),
    )
  })
  const port = await listening(web)
  expect((await run('box', 'expose', 'http', `${port}`, '--as', 'web')).code).toBe(0)
  const forwarded = await forward('box:web')

  const forged = {
    'mesh-name': 'admin',
    Mesh_Roles: 'admin',
    'X-Forwarded-For': '127.0.0.1',
    'x-own': 'kept',
  }
  const sent = request({
    port: forwarded.port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/a?b=c',
    headers: forged,
  })
  sent.end('the body')
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const { headers, body } = JSON.parse(await text(reply)) as { headers: Record<string, string>; body: string }
  expect([reply.statusCode, body]).toEqual([200, 'the body'])
  const { peerId } = lastJson(await run('laptop', 'status', '--json'))
  expect(headers).toMatchObject({
    'mesh-peer': peerId,
    'mesh-name': 'laptop',
    'mesh-roles': 'agent',
    'x-own': 'kept',
  })
  expect(Object.keys(headers).filter(header => /_|forwarded/.test(header))).toEqual([])

  const socket = new WebSocket(`ws://127.0.0.1:${forwarded.port}/`, { headers: forged })
  await once(socket, 'open')
  socket.send('hello')
  const [said] = (await once(socket, 'message')) as [Buffer]
  expect(said.toString()).toBe('laptop: hello')
  socket.close()
  await once(socket, 'close')
})
