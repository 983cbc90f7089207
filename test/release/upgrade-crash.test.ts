/** An upgrade that is killed after any of its steps, and run again. */
import { execFile } from 'node:child_process'
import { access, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { runCommand } from '../support/command.ts'
import { buildProgram, makeRelease } from '../support/program-releases.ts'

const run = promisify(execFile)

let folder: string
const within = (...names: string[]) => join(folder, ...names)
const versionOf = async (file: string) => (await run(file, ['--version'])).stdout.trim()

/** Kills the process of an upgrade once so many files were linked, renamed or removed. */
const killer = `
  import fs from 'node:fs/promises'
  import { syncBuiltinESMExports } from 'node:module'
  let left = Number(process.env.KILL_AFTER)
  if (process.argv.includes('upgrade'))
    for (const name of ['link', 'rename', 'rm']) {
      const real = fs[name]
      fs[name] = async (...args) => {
        const result = await real(...args)
        if (--left === 0) process.kill(process.pid, 'SIGKILL')
        return result
      }
    }
  syncBuiltinESMExports()`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crash-'))
  for (const version of ['0.1.0', '0.1.1']) {
    await buildProgram(within(version), { version })
    await makeRelease(within('releases', version), within(version), version)
  }
  await writeFile(within('killer.mjs'), killer)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const upgrade = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['upgrade', '--json', '--program', program, ...args], env)

const there = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

test.each([
  ['an upgrade', '0.1.0', '0.1.1'],
  ['the way back', '0.1.1', '0.1.0'],
])('%s', async (what, from, to) => {
  const forward = ['--to', '0.1.1', '--from', within('releases')]
  const args = what === 'an upgrade' ? forward : ['--back']
  let killed = 0
  for (let after = 1; ; after++) {
    const bin = await mkdtemp(within('bin-'))
    const program = join(bin, 'agent-mesh')
    await copyFile(within('0.1.0'), program)
    if (what !== 'an upgrade') expect((await upgrade(program, forward)).code).toBe(0)
    const env = { KILL_AFTER: String(after), NODE_OPTIONS: `--import=${within('killer.mjs')}` }
    const first = await upgrade(program, args, env)
    if (first.code === 0) break
    killed++
    expect([from, to], `killed after step ${after}`).toContain(await versionOf(program))
    // Killed after the last step, it is complete: a way back would lead forth again.
    if ((await versionOf(program)) === to && !(await there(join(bin, '.agent-mesh/pending')))) continue
    const again = await upgrade(program, args)
    expect(again.code, `killed after step ${after}: ${again.stdout}`).toBe(0)
    expect(await versionOf(program)).toBe(to)
    expect(await versionOf(join(bin, '.agent-mesh/previous'))).toBe(from)
    expect(await there(join(bin, '.agent-mesh/pending'))).toBe(false)
    expect(await there(join(bin, '.agent-mesh/next'))).toBe(false)
    await rm(bin, { recursive: true, force: true })
  }
  console.log(`${what}: killed after each of ${killed} steps`)
  expect(killed).toBeGreaterThan(5)
})
