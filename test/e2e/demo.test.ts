import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { commandFile, endChild, lastJson, runCommand } from '../support/command.ts'

/** Of these demos alone: other ones may run on this machine, and each removes what dead ones have left. */
let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'demos-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

const env = () => ({ TMPDIR: folder })
const leftovers = async () => (await readdir(folder)).filter(name => name.startsWith('agent-mesh-demo-'))
const patience = { timeout: 60_000 }

/** Pids of the processes whose command line contains `text`. */
async function processesNaming(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, index) => lines[index]?.includes(text))
}

describe('agent-mesh demo', () => {
  it('calls between all agents before and after a relay was killed, and leaves nothing behind', async () => {
    const ran = await runCommand(['demo', '--once', '--json'], env())
    expect(lastJson(ran)).toMatchObject({ members: 7, calls: { ok: 40, failed: 0 } })
    expect(ran.code).toBe(0)
    const { paths } = lastJson(ran) as { paths: Record<string, number> }
    expect(Object.values(paths).reduce((a, b) => a + b)).toBe(20)
    expect(paths['relay']).toBeGreaterThanOrEqual(8)
    expect(await leftovers()).toEqual([])
  })

  it.runIf(existsSync('/proc/self/cmdline'))(
    'leaves no process behind when it is killed, and its data to the next demo',
    async () => {
      const demo = spawn(process.execPath, [commandFile, 'demo', '--once'], {
        stdio: 'ignore',
        env: { ...process.env, ...env() },
      })
      const own = async () => (await leftovers()).filter(name => name.includes(`-${demo.pid}-`))
      const children = async () => (await processesNaming(`agent-mesh-demo-${demo.pid}-`)).length
      await expect.poll(children, patience).toBeGreaterThanOrEqual(3)
      demo.kill('SIGKILL')
      await expect.poll(children, patience).toBe(0)
      expect(await own()).toHaveLength(1)
      const next = spawn(process.execPath, [commandFile, 'demo', '--once'], {
        stdio: 'ignore',
        env: { ...process.env, ...env() },
      })
      await expect.poll(own, patience).toEqual([])
      await endChild(next, 'SIGINT')
    },
  )

  it('ends everything when it is interrupted while it starts', async () => {
    const before = await leftovers()
    const demo = spawn(process.execPath, [commandFile, 'demo', '--once'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env() },
    })
    let said = ''
    demo.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await expect.poll(() => said, patience).toContain('Starting 2 relays')
    demo.kill('SIGINT')
    expect(await once(demo, 'exit')).toEqual([130, null])
    expect(await leftovers()).toEqual(before)
  })
})
