/** `agent-mesh page` between real processes: what its browser gets, and what others do not. */
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { openWorkshop, type Daemon, type Workshop } from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'
import { askPage, openPage, PageClient } from '../support/page-client.ts'

const service = `
import { defineService, implementService } from '@agent-mesh/agent'
import * as z from 'zod'
const contract = defineService({ name: 'math', version: 1, methods: {
  add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number() },
  whose: { params: z.object({}), result: z.string() } } })
export default implementService(contract, {
  add: ({ a, b }) => a + b, whose: (_, { app }) => app ?? 'nobody' })
`
const wait = { timeout: 60_000, interval: 200 }
let workshop: Workshop
let page: Daemon
let client: PageClient
let url: string
let key: string

beforeAll(async () => {
  workshop = await openWorkshop()
  const module = workshop.folder('math.ts')
  await writeFile(module, service)
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await up('desk', '--serve', module)
  page = await workshop.start('cp', ['page', '--agent', workshop.folder('desk')])
  url = String(page.ready['url'])
  key = new URL(String(page.ready['oneTimeUrl'])).hash.replace('#key=', '')
  client = await PageClient.open(String(page.ready['oneTimeUrl']))
})
afterAll(() => workshop.end())

const up = (name: string, ...more: string[]) => joined(workshop, name, upArgs(...more))

it('serves the page to any browser, its facts to the one that opened its address, which opens it once', async () => {
  const { headers, text } = await askPage(url, '/')
  expect(text).toContain('<script type="module" src="/page.js">')
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
  expect((await askPage(url, '/page.js')).text.length).toBeGreaterThan(10_000)
  expect((await openPage(url, key)).json()).toMatchObject({ code: 'unauthenticated' })

  expect((await client.get('/api/health')).status).toBe(200)
  const { cookie = '', 'mesh-page': proof = '' } = client.headers
  for (const headers of [{}, { cookie }, { 'mesh-page': proof }])
    expect((await askPage(url, '/api/health', { headers })).status).toBe(401)
})

it.each([
  ['another host', { host: 'evil.example' }],
  ['another port of this machine', { host: '127.0.0.1:1' }],
  ['a page of another origin', { origin: 'http://evil.example' }],
  ['a page of another port', { origin: 'http://127.0.0.1:1' }],
  ['a page of no origin', { origin: 'null' }],
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['another port, which is the same site', { 'sec-fetch-site': 'same-site' }],
])('refuses %s, with the secrets of the session too', async (_, more) => {
  const refused = await askPage(url, '/api/health', { headers: { ...client.headers, ...more } })
  expect([refused.status, refused.json()['code']]).toEqual([403, 'permission_denied'])
  expect((await askPage(url, '/', { headers: more })).status).toBe(403)
})

it('refuses a form and other methods, and gives a cookie that no other site can send along', async () => {
  expect(client.setCookie.split('; ').slice(1)).toEqual(['Path=/', 'HttpOnly', 'SameSite=Strict'])
  const form = { ...client.headers, 'content-type': 'application/x-www-form-urlencoded' }
  expect((await askPage(url, '/api/call', { method: 'POST', headers: form, body: 'a=1' })).status).toBe(400)
  expect((await askPage(url, '/api/health', { method: 'DELETE', headers: client.headers })).status).toBe(403)
})

it('shows members as they join, with the path to them and its reason', async () => {
  const first = await client.live(({ whole }) => whole === true)
  const rows = first['rows'] as { name: string; kind: string; path?: string }[]
  expect(rows.find(({ name }) => name === 'desk')).toMatchObject({ kind: 'agent', path: 'self' })
  expect(rows.some(({ kind }) => kind === 'admin')).toBe(true)

  const isWeb = (row: unknown) => (row as { name: string; state: string }).name === 'web-1'
  const joined = client.live(({ rows }) => (rows as unknown[]).some(isWeb))
  const web = await up('web-1')
  expect((await joined)['rows']).toContainEqual(expect.objectContaining({ name: 'web-1' }))
  await vi.waitFor(async () => {
    const { sentence } = (await client.get('/api/path?peer=web-1')).json() as { sentence: { text: string } }
    expect(sentence.text).toMatch(/^(Calls to web-1 go directly|No path to web-1 is open)/)
  }, wait)
  await web.end()
})

it('calls a method from its schema, by the agent, which names the page as the program', async () => {
  await vi.waitFor(async () => {
    const { methods } = (await client.get('/api/describe?service=math@1')).json() as {
      methods: { name: string; params: object }[]
    }
    expect(methods[0]).toMatchObject({ name: 'add', params: { type: 'object', required: ['a', 'b'] } })
  }, wait)
  const call = (method: string, params: unknown) => client.post('/api/call', { method, params })
  expect((await call('math@1.add', { a: 1, b: 2 })).json()).toMatchObject({ value: 3, name: 'desk' })
  expect((await call('math@1.whose', {})).json()).toMatchObject({ value: 'page' })
  const failed = await call('math@1.add', { a: 'x' })
  expect([failed.status, failed.json()['code']]).toEqual([400, 'invalid_argument'])
})

it('acts with the admin key: tokens, policy, revocation, each on record at the control plane', async () => {
  const made = (await client.post('/api/tokens/create', { uses: 2 })).json()
  const { id } = made['view'] as { id: string }
  expect((await client.post('/api/tokens/revoke', { id })).json()).toEqual({ id })
  const tokens = (await client.get('/api/tokens')).json()['tokens'] as object[]
  expect(tokens).toContainEqual(expect.objectContaining({ id, revoked: true, left: 2 }))

  const question = { who: 'role:agent', action: 'call', target: 'service:math.add' }
  expect((await client.post('/api/policy/explain', question)).json()).toMatchObject({ allowed: true })
  const { number, policy } = (await client.get('/api/policy')).json() as { number: number; policy: object }
  const without = { policy: { ...policy, grants: [] }, expected: number, force: true }
  expect((await client.post('/api/policy/dry-run', without)).json()).toMatchObject({ written: false })
  expect((await client.get('/api/policy')).json()['number']).toBe(number)
  const written = await client.post('/api/policy/write', { policy, expected: number + 7 })
  expect([written.status, written.json()['code']]).toEqual([409, 'conflict'])

  const gone = await up('gone-1')
  expect((await client.post('/api/revoke', { name: 'gone-1' })).json()).toMatchObject({ name: 'gone-1' })
  const isGone = (row: unknown) =>
    (row as { name: string; state: string }).name === 'gone-1' &&
    (row as { state: string }).state === 'revoked'
  await client.live(({ rows }) => (rows as unknown[]).some(isGone))
  await gone.end()
  await vi.waitFor(async () => {
    const entries = (await client.get('/api/audit?where=control-plane')).json()['entries'] as {
      what: string
    }[]
    expect(entries.map(({ what }) => what)).toContain('revoke')
  }, wait)
  expect((await client.get('/api/audit?where=local')).json()['entries']).not.toEqual([])
  expect((await client.get('/api/audit?where=elsewhere')).status).toBe(400)
  expect((await client.get('/api/ports')).json()).toEqual({ ports: [] })
})

it('shows what the control plane knows while no agent runs, and says why the rest is missing', async () => {
  const lonely = await workshop.start('cp', ['page', '--agent', workshop.folder('nothing')])
  const browser = await PageClient.open(String(lonely.ready['oneTimeUrl']))
  const { facts } = await browser.live(({ whole }) => whole === true)
  expect(facts).toMatchObject({ agentTrouble: { message: expect.stringMatching(/nothing/) as string } })
  expect((await browser.get('/api/services')).json()['detail']).toContain('nothing')
  expect(await lonely.end()).toEqual([0, null])
})
