import { createIdentity } from '@agent-mesh/agent/identity/identity-file'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { writeContext } from '../data/context-file.ts'
import { runProgram } from '../program.ts'

let folder: string
let proxy: Server
const asked: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxied-'))
  await createIdentity(folder, 'admin-identity.json')
  await writeContext(folder, {
    url: 'http://mesh.invalid:8440',
    meshId: 'a'.repeat(52),
    admin: 'admin-identity.json',
  })
  await writeFile(join(folder, 'policy.json'), JSON.stringify({ grants: [], tests: [] }))
  proxy = createServer().listen(0, '127.0.0.1')
  proxy.on('connect', (request, client) => {
    asked.push(request.url ?? '')
    client.end('HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n')
  })
  await once(proxy, 'listening')
})

afterAll(async () => {
  proxy.close()
  await rm(folder, { recursive: true, force: true })
})

test.each([
  ['token create'],
  ['token list'],
  ['token revoke I1EPabf-ADDXQ34b'],
  ['policy get'],
  ['policy set FOLDER/policy.json'],
  ['policy test'],
  ['policy explain web-1 call service:math.add'],
  ['revoke web-1 --yes'],
  ['revocations'],
  ['health'],
  ['audit tail'],
  ['audit verify'],
  ['audit export'],
  ['doctor'],
])('agent-mesh %s asks the control plane through the proxy', async line => {
  asked.length = 0
  const quiet = [process.stdout, process.stderr].map(stream =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  )
  try {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const args = line.replace('FOLDER', folder).split(' ')
    expect(await runProgram(['--data', folder, '--proxy', url, ...args])).not.toBe(0)
  } finally {
    for (const spy of quiet) spy.mockRestore()
  }
  expect(asked).toContain('mesh.invalid:8440')
})
