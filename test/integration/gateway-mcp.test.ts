/** MCP over HTTP at the gateway of an agent: the SDK's client, and requests as hostile pages and programs send them. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { auditEntries } from '@agent-mesh/agent'
import type { AuditEntry } from '@agent-mesh/protocol'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { connectRaw, headOf } from '../support/raw-rpc.ts'

const quick = { timeout: 20_000 }
const listing = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
const accepting = { accept: 'application/json, text/event-stream' }
let mesh: GatewayMesh

beforeAll(async () => {
  mesh = await GatewayMesh.start()
})
afterAll(() => mesh.stop())

async function assistant(token: string, mode: 'legacy' | 'auto'): Promise<Client> {
  const client = new Client({ name: 'spec', version: '1.0.0' }, { versionNegotiation: { mode } })
  const headers = { authorization: `Bearer ${token}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', mesh.gateway.url), { requestInit: { headers } }),
  )
  return client
}

async function toolEntries(): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for await (const entry of auditEntries(mesh.mesh.data('server'))) entries.push(entry)
  return entries.filter(({ what }) => what === 'tool')
}

it.each(['legacy', 'auto'] as const)(
  'an assistant (%s) with a token has the tools of its scope, on record at the callee',
  async mode => {
    const token = await mesh.token(
      `desk-${mode}`,
      'service:math.add',
      'service:math.count',
      'service:vault.*',
    )
    const client = await assistant(token, mode)
    const { tools } = await client.listTools(undefined, quick)
    // The policy does not grant the vault.
    expect(tools.map(({ name }) => name)).toEqual(['mesh_members', 'math__add', 'math__count'])
    const added = await client.callTool({ name: 'math__add', arguments: { a: 1, b: 2 } }, quick)
    expect(added.structuredContent).toEqual({ member: 'server', value: 3 })
    const counted = await client.callTool({ name: 'math__count', arguments: { to: 2 } }, quick)
    expect(counted.structuredContent).toMatchObject({ messages: [{ value: 1 }, { value: 2 }], value: 'done' })
    const members = await client.callTool({ name: 'mesh_members', arguments: {} }, quick)
    expect(members.structuredContent).toMatchObject({
      members: [{ name: 'server', services: ['math@1', 'vault@1'] }],
    })
    const beyond = await client.callTool({ name: 'math__fail', arguments: {} }, quick)
    expect(beyond).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_found' } } })
    await vi.waitFor(async () => {
      const apps = (await toolEntries()).map(({ detail }) => detail?.['app'])
      expect(apps).toContain(`mcp:desk-${mode}`)
    }, 20_000)
    await client.close()
  },
)

it('a token is refused once it is revoked, and a client that closes its connection ends its call', async () => {
  const token = await mesh.token('revoked', 'service:math.hang')
  const client = await assistant(token, 'auto')
  const hanging = client.callTool({ name: 'math__hang', arguments: {} }, { timeout: 60_000 })
  const ended = expect(hanging).rejects.toThrow()
  await vi.waitFor(() => expect(mesh.hanging.size).toBe(1), 20_000)
  const [{ id } = { id: '' }] = (await mesh.tokens.list()).filter(({ app }) => app === 'revoked')
  await mesh.tokens.revoke(id)
  expect((await mesh.ask('/mcp', { ...jsonBody(token, listing), ...accepting })).status).toBe(401)
  await client.close()
  await ended
  // The client has closed its connection: the handler need not go on.
  await vi.waitFor(() => expect(mesh.hanging.size).toBe(0), 20_000)
})

it.each([
  ['without a token', {}, 401],
  ['of a page', { origin: 'https://evil.example' }, 403],
  ['of a page, through a browser', { 'sec-fetch-site': 'cross-site' }, 403],
  ['to a rebound name', { host: 'evil.example' }, 403],
  ['of a form', { 'content-type': 'text/plain' }, 415],
])('a request %s is refused before its body is read', async (_, more, status) => {
  const token = await mesh.token('attacked', 'service:math.*')
  const { authorization, ...body } = jsonBody(token, listing)
  const answer = await mesh.ask('/mcp', {
    ...body,
    ...accepting,
    ...(status !== 401 && { authorization }),
    ...more,
  })
  expect(answer.status).toBe(status)
})

it('a batch is refused: its token would have more requests in flight than it may', async () => {
  const token = await mesh.token('batch', 'service:math.*')
  const answer = await mesh.ask('/mcp', { ...jsonBody(token, [listing, listing]), ...accepting })
  expect(answer.status).toBe(400)
})

it('a method other than POST is not allowed', async () => {
  const token = await mesh.token('reader', 'service:math.*')
  const answer = await mesh.ask('/mcp', { method: 'GET', authorization: `Bearer ${token}`, ...accepting })
  expect(answer.status).toBe(405)
})

it('a client may speak HTTP/2, as to the rest of the gateway', async () => {
  const token = await mesh.token('h2', 'service:math.*')
  const session = connectRaw(mesh.gateway.url)
  const { body, ...headers } = { ...jsonBody(token, listing), ...accepting }
  const sent = session.request({ ':method': 'POST', ':path': '/mcp', ...headers })
  const head = headOf(sent)
  sent.end(body)
  expect(await head).toMatchObject({ ':status': 200 })
  expect(Buffer.concat(await sent.toArray()).toString()).toContain('math__add')
  session.close()
})
