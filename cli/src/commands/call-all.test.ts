import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal } from '../local/local-server.ts'
import { runProgram } from '../program.ts'

test.each([
  [0, exitCodes.notFound, 'no known member serves it'],
  [3, exitCodes.unavailable, 'all 3 providers are offline'],
])('agent-mesh call-all fails when nobody is asked, %i being offline', async (skipped, code, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'call-all-'))
  const lonely: Partial<LocalDaemon> = { callAll: () => Promise.resolve({ results: [], skipped }) }
  const server = await serveLocal(folder, lonely as LocalDaemon)
  const said: string[] = []
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation(text => said.push(String(text)) > 0)
  try {
    expect(await runProgram(['--data', folder, '--json', 'call-all', 'math.add'])).toBe(code)
  } finally {
    spy.mockRestore()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  expect(said.join('')).toContain(message)
})
