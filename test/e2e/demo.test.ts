import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'

import { commandFile, lastJson, runCommand } from '../support/command.ts'

const leftovers = async () => (await readdir(tmpdir())).filter(name => name.startsWith('agent-mesh-demo-'))

/** Pids of the processes whose command line contains `text`. */
async function processesNaming(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, index) => lines[index]?.includes(text))
}

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

  it.runIf(existsSync('/proc/self/cmdline'))(
    'leaves no process behind when it is killed, and its data to the next demo',
    async () => {
      const demo = spawn(process.execPath, [commandFile, 'demo', '--once'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const own = async () => (await leftovers()).filter(name => name.includes(`-${demo.pid}-`))
      const children = async () => (await processesNaming(`agent-mesh-demo-${demo.pid}-`)).length
      await expect.poll(children, { timeout: 30_000 }).toBeGreaterThanOrEqual(3)
      demo.kill('SIGKILL')
      await expect.poll(children, { timeout: 30_000 }).toBe(0)
      expect(await own()).toHaveLength(1)
      const next = spawn(process.execPath, [commandFile, 'demo', '--once'], { stdio: 'ignore' })
      await expect.poll(own, { timeout: 30_000 }).toEqual([])
      next.kill('SIGINT')
      await once(next, 'exit')
    },
  )

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
