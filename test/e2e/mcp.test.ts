/** The mesh as tools of an assistant, between real processes: the client of the SDK starts `agent-mesh mcp`, as assistants do. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { auditEntries } from '@agent-mesh/agent'
import type { AuditEntry } from '@agent-mesh/protocol'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'

const services = `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'
const contract = defineService({ name: 'math', version: 1, methods: {
  add: { about: 'Adds\\u200b two numbers.', effects: 'read',
    params: z.object({ a: z.number(), b: z.number() }), result: z.number() },
  drop: { effects: 'destroy', params: z.string(), result: z.string() },
  count: { params: z.object({ to: z.number() }), yields: z.number(), result: z.string() },
  total: { params: z.object({}), takes: z.number(), result: z.number() },
  hang: { params: z.object({}), result: z.void() } } })
export default { contract, handlers: {
  add: ({ a, b }) => a + b,
  drop: what => 'dropped ' + what,
  async *count({ to }) {
    for (let i = 1; i <= to; i++) yield i
    while (!existsSync(process.env.SEEN)) await delay(20)
    return 'done'
  },
  async total(_, { input }) { let sum = 0; for await (const each of input) sum += each; return sum },
  hang: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => {
    appendFileSync(process.env.CANCELLED, 'cancelled')
    reject(signal.reason)
  })) } }
`
const secret = `
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'
export default { contract: defineService({ name: 'vault', version: 1,
  methods: { open: { params: z.object({}), result: z.string() } } }), handlers: { open: () => 'opened' } }
`
const quick = { timeout: 20_000 }
let workshop: Workshop
let server: Daemon
let desk: Daemon
let page: string

const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'mcp.md'), 'utf8')
  line = /^agent-mesh mcp .*$/m.exec(page)?.[0] ?? ''
  workshop = await openWorkshop()
  const [math, vault] = [workshop.folder('math.ts'), workshop.folder('vault.ts')]
  await Promise.all([writeFile(math, services), writeFile(vault, secret)])
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await letAgentsCall('service:math.*', 'service:host.*')
  ;[server, desk] = await Promise.all([
    joined(workshop, 'server', serverArgs(), { env: serverEnv() }),
    joined(workshop, 'desk', upArgs('--gateway', '127.0.0.1:0')),
  ])
  const listed = () => runCommand(['services', '--json', '--data', workshop.folder('desk')])
  await vi.waitFor(async () => expect((await listed()).stdout).toContain('vault@1'), 60_000)
}, 240_000)
afterAll(async () => {
  await Promise.all(closers.map(close => close()))
  await workshop.end()
})

async function letAgentsCall(...to: string[]): Promise<void> {
  const cp = ['--data', workshop.folder('cp')]
  const policy = JSON.parse((await runCommand(['policy', 'get', ...cp])).stdout) as {
    grants: { from: string[]; to: string[]; allow: string[] }[]
  }
  policy.grants = policy.grants.filter(({ from }) => !from.includes('role:agent'))
  policy.grants.push({ from: ['role:agent'], to, allow: ['call'] })
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  expect((await runCommand(['policy', 'set', workshop.folder('policy.json'), ...cp])).code).toBe(0)
}

const serverArgs = () => upArgs('--serve', workshop.folder('math.ts'), '--serve', workshop.folder('vault.ts'))
const serverEnv = () => ({ CANCELLED: workshop.folder('cancelled'), SEEN: workshop.folder('seen') })

/** The first line of docs/mcp.md that makes a configuration. */
let line: string

/** Started as the configuration says that the line prints. */
async function assistant(name: string, mode: 'legacy' | 'auto', onChanged = () => {}): Promise<Client> {
  const client = new Client(
    { name, version: '1.0.0' },
    { versionNegotiation: { mode }, listChanged: { tools: { autoRefresh: false, onChanged } } },
  )
  const config = await runCommand([...line.split(' ').slice(1), '--data', workshop.folder('desk')])
  const { mcpServers } = JSON.parse(config.stdout) as {
    mcpServers: { 'agent-mesh': { command: string; args: string[] } }
  }
  await client.connect(new StdioClientTransport({ ...mcpServers['agent-mesh'], stderr: 'inherit' }))
  closers.push(() => client.close())
  return client
}

async function toolEntries(): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for await (const entry of auditEntries(workshop.folder('server'))) entries.push(entry)
  return entries.filter(({ what }) => what === 'tool')
}

it.each(['legacy', 'auto'] as const)(
  'an assistant (%s) has a tool for each method that the policy grants',
  async mode => {
    const client = await assistant(`desk assistant ${mode}`, mode)
    const { tools } = await client.listTools(undefined, quick)
    const named = (wanted: string) => tools.find(({ name }) => name === wanted)
    expect(tools.map(({ name }) => name)).toEqual([
      'mesh_members',
      'host__info',
      'host__path',
      'math__add',
      'math__count',
      'math__drop',
      'math__hang',
    ])
    expect(named('math__add')).toMatchObject({
      description: 'Adds\\u200b two numbers.',
      annotations: { readOnlyHint: true, idempotentHint: true },
      inputSchema: {
        required: ['a', 'b'],
        properties: { a: { type: 'number' }, member: { type: 'string' } },
      },
    })
    expect(named('math__drop')).toMatchObject({
      annotations: { destructiveHint: true },
      inputSchema: { required: ['params'], properties: { params: { type: 'string' } } },
    })

    const added = await client.callTool(
      { name: 'math__add', arguments: { a: 1, b: 2, member: 'server' } },
      quick,
    )
    expect(added.structuredContent).toEqual({ member: 'server', value: 3 })
    expect(added.content).toEqual([{ type: 'text', text: '{"member":"server","value":3}' }])
    const dropped = await client.callTool({ name: 'math__drop', arguments: { params: 'it' } }, quick)
    expect(dropped.structuredContent).toEqual({ member: 'server', value: 'dropped it' })
    await vi.waitFor(
      async () =>
        expect(await toolEntries()).toContainEqual(
          expect.objectContaining({
            detail: {
              name: 'desk',
              action: 'call',
              target: 'service:math.add',
              app: `mcp:desk-assistant-${mode}`,
            },
          }),
        ),
      20_000,
    )
  },
)

it('errors are results of tools, with the code and what to do', async () => {
  const client = await assistant('clumsy', 'auto')
  const wrong = await client.callTool({ name: 'math__add', arguments: { a: 'one' } }, quick)
  expect(wrong).toMatchObject({ isError: true, structuredContent: { error: { code: 'invalid_argument' } } })
  const denied = await client.callTool({ name: 'vault__open', arguments: {} }, quick)
  expect(denied).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_found' } } })
  const nobody = await client.callTool(
    { name: 'math__add', arguments: { a: 1, b: 2, member: 'nobody' } },
    quick,
  )
  expect(nobody).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_found' } } })
})

it('messages of a stream come as progress, and a call that the assistant cancels ends at its handler', async () => {
  const client = await assistant('patient', 'auto')
  const seen: unknown[] = []
  const counted = await client.callTool(
    { name: 'math__count', arguments: { to: 3 } },
    {
      timeout: 60_000,
      onprogress: ({ progress, message }) => {
        seen.push([progress, message])
        // The handler ends once one was seen: the client drops those that come in one piece with the result.
        writeFileSync(serverEnv().SEEN, '')
      },
    },
  )
  expect(counted.structuredContent).toMatchObject({
    messages: [{ value: 1 }, { value: 2 }, { value: 3 }],
    value: 'done',
  })
  const all = [1, 2, 3].map(each => [each, `{"value":${each}}`])
  expect(seen.length).toBeGreaterThan(0)
  expect(seen).toEqual(all.slice(0, seen.length))
  const cancelled = new AbortController()
  const hanging = client.callTool(
    { name: 'math__hang', arguments: {} },
    { signal: cancelled.signal, timeout: 60_000 },
  )
  const ended = expect(hanging).rejects.toThrow()
  await vi.waitFor(
    async () =>
      expect(await toolEntries()).toContainEqual(
        expect.objectContaining({
          detail: expect.objectContaining({ target: 'service:math.hang' }) as unknown,
        }),
      ),
    20_000,
  )
  cancelled.abort()
  await ended
  await vi.waitFor(
    async () => expect(await readFile(workshop.folder('cancelled'), 'utf8')).toBe('cancelled'),
    20_000,
  )
})

it('docs/mcp.md lists the tools of a token with curl, over HTTP', async () => {
  const [create = '', curl = ''] = page.match(/^(?:agent-mesh gateway token|curl) .*$/gm) ?? []
  const words = create.replaceAll("'", '').split(' ').slice(1)
  const made = lastJson(await runCommand([...words, '--json', '--data', workshop.folder('desk')]))
  const env = { ...process.env, TOKEN: String(made['token']), GATEWAY: String(desk.ready['gatewayUrl']) }
  const { stdout } = await promisify(execFile)('sh', ['-c', curl], { env })
  expect(stdout).toContain('"name":"math__add"')
  expect(stdout).not.toContain('host__info')
})

it('ends with its standard input, and where no agent runs', async () => {
  expect((await runCommand(['mcp', '--data', workshop.folder('desk')])).code).toBe(0)
  const nowhere = await runCommand(['mcp', '--data', workshop.folder('nowhere')])
  expect(nowhere).toMatchObject({ code: 3, stdout: '' })
})

it.each(['legacy', 'auto'] as const)('an assistant (%s) is told when services go', async mode => {
  const told = Promise.withResolvers<void>()
  const client = await assistant('attentive', mode, told.resolve)
  const names = async () => (await client.listTools(undefined, quick)).tools.map(({ name }) => name)
  expect(await names()).toContain('math__add')
  await server.end()
  await told.promise
  await vi.waitFor(async () => expect(await names()).not.toContain('math__add'), 60_000)
  server = await workshop.start('server', serverArgs(), undefined, serverEnv())
  await vi.waitFor(async () => expect(await names()).toContain('math__add'), 60_000)
})
