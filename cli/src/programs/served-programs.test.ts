import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceDefinition } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { ServedPrograms } from './served-programs.ts'

let folder: string
let server: Server
let url: string
/** What the program answers at the path of its description. */
let description: { status: number; text: string }
/** Services that the agent serves. */
let served: Set<string>
let warned: object[]

beforeEach(async () => {
  description = { status: 200, text: '{"methods":[{"name":"add","about":"Adds."}]}' }
  ;[served, warned] = [new Set(), []]
  folder = await mkdtemp(join(tmpdir(), 'served-programs-'))
  server = createServer(({ url: path }, reply) => {
    const { status, text } =
      path === '/api/.well-known/agent-mesh.json' ? description : { status: 404, text: '' }
    reply.writeHead(status).end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true })
})

const agent = {
  serve({ contract: { name, version } }: ServiceDefinition) {
    const service = `${name}@${version}`
    if (name === 'host') throw new MeshError('conflict', `Cannot serve ${service}: it is served`)
    served.add(service)
    return () => served.delete(service)
  },
}
const programs = () =>
  new ServedPrograms(agent as never, folder, { warn: (said: object) => void warned.push(said) } as never)
const { signal } = new AbortController()

test('a program is served by its description, again after a restart, and until it is withdrawn', async () => {
  const before = programs()
  await before.restore()
  const program = await before.serve({ service: 'math@1', url }, { signal })
  expect(program).toEqual({ service: 'math@1', url, methods: [{ name: 'add', about: 'Adds.' }] })
  expect([...served]).toEqual(['math@1'])

  served.clear()
  const after = programs()
  await after.restore()
  expect([after.list(), [...served]]).toEqual([[program], ['math@1']])
  await after.remove('math@1')
  expect([after.list(), [...served]]).toEqual([[], []])
  await expect(after.remove('math@1')).rejects.toMatchObject({ code: 'not_found' })
})

test('a program with named methods need not run', async () => {
  const named = await programs().serve(
    { service: 'math@2', url: 'http://127.0.0.1:1', methods: ['sum'] },
    { signal },
  )
  expect(named.methods).toEqual([{ name: 'sum' }])
})

test.each<[string, number, string, string]>([
  ['no description', 404, '', 'not_found'],
  ['a description without methods', 200, '{"methods":[]}', 'invalid_argument'],
  ['a method twice', 200, '{"methods":[{"name":"a"},{"name":"a"}]}', 'invalid_argument'],
  ['a description that is too large', 200, ' '.repeat(600 * 1024), 'too_large'],
])('a program with %s is not served', async (_, status, text, code) => {
  description = { status, text }
  await expect(programs().serve({ service: 'math@1', url }, { signal })).rejects.toMatchObject({ code })
  expect([...served]).toEqual([])
})

test('names of MCP servers, and more programs than a record has room for, are refused', async () => {
  const kept = programs()
  const serve = (service: string) => kept.serve({ service, url, methods: ['a'] }, { signal })
  for (let version = 1; version <= 32; version++) await serve(`math@${version}`)
  await expect(serve('math@33')).rejects.toMatchObject({ code: 'overloaded' })
  expect((await serve('math@32')).service).toBe('math@32')
  await kept.remove('math@32')
  await expect(serve('mcp.files@1')).rejects.toMatchObject({ code: 'invalid_argument' })
})

test('a program that cannot be served again is told of, and does not hold up the others', async () => {
  const kept = ['host@1', 'math@1'].map(service => ({ service, url, methods: [{ name: 'a' }] }))
  await writeFile(join(folder, 'programs.json'), JSON.stringify({ programs: kept }))
  await programs().restore()
  expect(warned).toEqual([expect.objectContaining({ event: 'program-not-served', service: 'host@1' })])
  expect([...served]).toEqual(['math@1'])
})
