import { readdir } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'

import { commandFile, lastJson, runCommand } from '../support/command.ts'

const leftovers = async () => (await readdir(tmpdir())).filter(name => name.startsWith('agent-mesh-demo-'))

describe('agent-mesh demo', () => {
  it('calls between all agents before and after a relay was killed, and leaves nothing behind', async () => {
    const before = await leftovers()
    const ran = await runCommand(['demo', '--once', '--json'])
    expect(lastJson(ran)).toMatchObject({ members: 7, calls: { ok: 40, failed: 0 } })
    expect(ran.code).toBe(0)
    const { paths } = lastJson(ran) as { paths: Record<string, number> }
    expect(Object.values(paths).reduce((a, b) => a + b)).toBe(20)
    expect(paths['relay']).toBeGreaterThanOrEqual(8)
    expect(await leftovers()).toEqual(before)
  })

  it('ends everything when it is interrupted while it starts', async () => {
    const before = await leftovers()
    const demo = spawn(process.execPath, [commandFile, 'demo', '--once'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    demo.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await expect.poll(() => said, { timeout: 30_000 }).toContain('Starting 2 relays')
    demo.kill('SIGINT')
    expect(await once(demo, 'exit')).toEqual([130, null])
    expect(await leftovers()).toEqual(before)
  })
})
