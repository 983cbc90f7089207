/** The Python SDK as an assistant of a real agent: it starts `agent-mesh mcp`, and connects to `/mcp` of the gateway. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'
import { pythonTools } from '../support/python.ts'

const math = `
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'
const contract = defineService({ name: 'math', version: 1, methods: {
  add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number() } } })
export default { contract, handlers: { add: ({ a, b }) => a + b } }
`
let python: string
let workshop: Workshop
let gateway: string
let token: string

beforeAll(async () => {
  python = join(await pythonTools('mcp/requirements.txt'), 'python')
  workshop = await openWorkshop()
  await writeFile(workshop.folder('math.ts'), math)
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await up('server', '--serve', workshop.folder('math.ts'))
  const desk = await up('desk', '--gateway', '127.0.0.1:0')
  gateway = String(desk.ready['gatewayUrl'])
  const scope = ['gateway', 'token', 'create', '--name', 'python', '--call', 'service:math.*', '--json']
  token = String(lastJson(await runCommand([...scope, '--data', workshop.folder('desk')]))['token'])
  const listed = () => runCommand(['services', '--json', '--data', workshop.folder('desk')])
  await vi.waitFor(async () => expect((await listed()).stdout).toContain('math@1'), 120_000)
})
afterAll(() => workshop.end())

const up = (name: string, ...more: string[]) => joined(workshop, name, upArgs(...more))

it.each([
  ['legacy', 'stdio', '2025-11-25'],
  ['auto', 'stdio', '2026-07-28'],
  ['legacy', 'http', '2025-11-25'],
  ['auto', 'http', '2026-07-28'],
])('a client (%s) over %s speaks %s', async (mode, kind, revision) => {
  const server =
    kind === 'stdio'
      ? [process.execPath, commandFile, 'mcp', '--data', workshop.folder('desk')]
      : [`${gateway}/mcp`]
  const env = { ...process.env, TOKEN: token, MODE: mode }
  const args = [join(import.meta.dirname, 'client.py'), kind, ...server]
  const { stdout } = await promisify(execFile)(python, args, { env, timeout: 120_000 })
  const said = JSON.parse(stdout) as { tools: string[] }
  expect(said).toMatchObject({
    revision,
    added: { member: 'server', value: 3 },
    missing: [true, 'not_found'],
  })
  expect(said.tools).toContain('math__add')
})
