import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..')

let root = ''
/** A package with the launcher and a command of a few lines in place of the real one. */
let launcher = ''

const command = `
const [what] = process.argv.slice(2)
if (what === 'exit') process.exit(7)
if (what === 'node') console.log(process.version)
if (what === 'wait') {
  process.on('SIGTERM', () => { console.log('SIGTERM'); process.exit(5) })
  process.on('SIGINT', () => { console.log('SIGINT'); process.exit(6) })
  setInterval(() => {}, 1000)
  console.log(process.pid)
}
if (what === 'die') process.kill(process.pid, 'SIGKILL')
`

/** A Node older than 24 on this machine; the launcher must run on it. CI installs none: its specs are meant to be skipped without one. */
async function oldNode(): Promise<string | undefined> {
  for (const node of ['/usr/bin/node', '/usr/local/bin/node']) {
    const version = await run(node, ['--version']).then(
      ({ stdout }) => stdout,
      () => '',
    )
    if (/^v(2[0-3])\./.test(version)) return node
  }
  return undefined
}
const old = await oldNode()

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'launcher-'))
  await mkdir(join(root, 'cli/bin'), { recursive: true })
  await mkdir(join(root, 'cli/bundle'))
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true })
  await writeFile(join(root, 'cli/package.json'), '{"type":"module"}')
  launcher = join(root, 'cli/bin/agent-mesh.js')
  await cp(join(checkout, 'cli/bin/agent-mesh.js'), launcher)
  await writeFile(join(root, 'cli/bundle/main.js'), command)
  await symlink(process.execPath, join(root, 'node_modules/.bin/node'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.each([
  ['Node 24', process.execPath],
  ['an older Node', old],
])('the launcher under %s', (_, node) => {
  const on = it.skipIf(node === undefined)
  const file = node ?? ''

  on('runs the command with Node 24', async () => {
    expect((await run(file, [launcher, 'node'])).stdout).toMatch(/^v24\./)
  })

  on('hands on the exit code', async () => {
    await expect(run(file, [launcher, 'exit'])).rejects.toMatchObject({ code: 7 })
  })

  on('ends as the command ended when that was killed', async () => {
    await expect(run(file, [launcher, 'die'])).rejects.toMatchObject({ signal: 'SIGKILL' })
  })

  on.each([
    ['SIGTERM', 5],
    ['SIGINT', 6],
  ] as const)('passes %s on and waits for the command to end', async (signal, code) => {
    const child = spawn(file, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await once(child.stdout, 'data')
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([code, null])
    expect(said).toContain(signal)
  })

  const onUnix = it.skipIf(node === undefined || process.platform === 'win32')
  onUnix('opens no debugger at SIGUSR1, nor ends', async () => {
    const env = { ...process.env, NODE_OPTIONS: '--inspect-port=0' }
    const child = spawn(file, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'pipe'], env })
    const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)'], { env })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [[pid]] = (await Promise.all([once(child.stdout, 'data'), once(bare.stdout, 'data')])) as [
      [Buffer],
      unknown,
    ]
    const command = Number(pid.toString())
    child.kill('SIGUSR1')
    process.kill(command, 'SIGUSR1')
    // What Node does by itself, asked for later, has been done.
    bare.kill('SIGUSR1')
    await once(bare.stderr, 'data')
    bare.kill('SIGKILL')
    expect(isAlive(command)).toBe(true)
    child.kill('SIGTERM')
    await once(child, 'close')
    expect(said).toBe('')
  })

  on('leaves no command behind when it is killed itself', async () => {
    const child = spawn(file, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    child.kill('SIGKILL')
    await expect.poll(() => isAlive(Number(chunk.toString())), { timeout: 20_000 }).toBe(false)
  })
})

describe('the launcher without Node 24', () => {
  it.skipIf(old === undefined)('runs no node of the current directory', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'launcher-'))
    await mkdir(join(elsewhere, 'bin'))
    await mkdir(join(elsewhere, 'work/node_modules/.bin'), { recursive: true })
    await writeFile(join(elsewhere, 'package.json'), '{"type":"module"}')
    await cp(launcher, join(elsewhere, 'bin/agent-mesh.js'))
    const planted = join(elsewhere, 'work/node_modules/.bin/node')
    await writeFile(planted, '#!/bin/sh\necho planted\n', { mode: 0o755 })
    const failed = run(old ?? '', [join(elsewhere, 'bin/agent-mesh.js')], { cwd: join(elsewhere, 'work') })
    await expect(failed).rejects.toMatchObject({ code: 1, stdout: '' })
    await rm(elsewhere, { recursive: true })
  })

  it.skipIf(old === undefined)('says what to install', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'launcher-'))
    await mkdir(join(elsewhere, 'bin'))
    await writeFile(join(elsewhere, 'package.json'), '{"type":"module"}')
    await cp(launcher, join(elsewhere, 'bin/agent-mesh.js'))
    const failed = run(old ?? '', [join(elsewhere, 'bin/agent-mesh.js')], { cwd: elsewhere })
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Install Node 24') as string,
    })
    await rm(elsewhere, { recursive: true })
  })

  it.skipIf(old === undefined)('does not start itself for ever when what it found is old too', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'launcher-'))
    await cp(join(root, 'cli'), elsewhere, { recursive: true })
    await mkdir(join(elsewhere, 'node_modules/.bin'), { recursive: true })
    await symlink(old ?? '', join(elsewhere, 'node_modules/.bin/node'))
    const failed = run(old ?? '', [join(elsewhere, 'bin/agent-mesh.js')], { cwd: elsewhere })
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Install Node 24') as string,
    })
    await rm(elsewhere, { recursive: true })
  })
})
