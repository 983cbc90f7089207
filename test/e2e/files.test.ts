/** Files between real processes: the recipe of docs/files.md, run by a shell as it stands there, and what interrupts it. */
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import {
  commandFile,
  lastJson,
  openWorkshop,
  runCommand,
  type Daemon,
  type Workshop,
} from '../support/command.ts'
import { joined, upArgs } from '../support/joined.ts'

const checkout = join(import.meta.dirname, '..', '..')

const MiB = 1024 * 1024
/** Of a file that is interrupted, bytes. */
const size = 40 * MiB

let workshop: Workshop
let page: string
const daemons: Record<string, Daemon> = {}
const at = (name: string) => ['--data', workshop.folder(name)]
const srv = (...names: string[]) => join(workshop.folder('srv'), ...names)
const desk = (...names: string[]) => join(workshop.folder('desk-files'), ...names)
const cp = (...args: string[]) => runCommand(['cp', ...args, ...at('desk')])

/** The shell lines of the page that begin so, with the folders of this test. */
const linesOf = (beginning: string): string[] =>
  page
    .split('\n')
    .filter(line => line.startsWith(beginning))
    .map(line => line.replaceAll('/srv/', `${srv()}/`).replaceAll('/var/log', srv('log')))

const wordsOf = (line: string) =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')

async function letDeskUseFiles(): Promise<void> {
  const policy = JSON.parse((await runCommand(['policy', 'get', ...at('cp')])).stdout) as { grants: object[] }
  const grants = [...page.matchAll(/```json\n(\{ "from".*)\n```/g)].map(([, grant = '']) => grant)
  policy.grants.push(...grants.map(grant => JSON.parse(grant) as object))
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  const set = await runCommand(['policy', 'set', workshop.folder('policy.json'), ...at('cp')])
  expect(set).toMatchObject({ code: 0 })
}

beforeAll(async () => {
  page = await readFile(join(checkout, 'docs', 'files.md'), 'utf8')
  workshop = await openWorkshop()
  for (const folder of [srv('in'), srv('log', 'nginx', 'old'), desk('site', 'css')])
    await mkdir(folder, { recursive: true })
  await writeFile(srv('log', 'syslog'), 'line 1\nline 2\n')
  await writeFile(srv('log', 'nginx', 'old', 'access.log'), 'GET /\n')
  await symlink('/etc/passwd', srv('log', 'nginx', 'link'))
  await writeFile(desk('site', 'run.sh'), '#!/bin/sh\n')
  await chmod(desk('site', 'run.sh'), 0o755)
  await writeFile(desk('site', 'css', 'page.css'), 'a {}')
  await mkdir(workshop.folder('bin'))
  const launcher = `#!/bin/sh\nexec '${process.execPath}' '${commandFile}' "$@"\n`
  await writeFile(join(workshop.folder('bin'), 'agent-mesh'), launcher, { mode: 0o755 })
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await letDeskUseFiles()
  const allow = linesOf('agent-mesh up').flatMap(line => wordsOf(line).slice(2))
  for (const [name, more] of [
    // An MCP server that does not start puts lines into the log of its agent.
    ['web-1', [...allow, '--mcp', 'none=/none/at/all']],
    ['desk', []],
  ] as const) {
    const roles = ['--role', 'agent', '--role', 'ops']
    daemons[name] = await joined(workshop, name, upArgs(...more), { token: roles })
  }
  await vi.waitFor(async () => expect(await cp('web-1:/none', '.')).toMatchObject({ code: 4 }), {
    timeout: 60_000,
    interval: 500,
  })
})
afterAll(() => workshop.end())

const hash = (of: Uint8Array) => createHash('sha256').update(of).digest('hex')

/** Runs the shell lines of the page that begin so, in the folder of the desk. @returns what each said */
async function shell(beginning: string): Promise<string[]> {
  const env = {
    ...process.env,
    PATH: `${workshop.folder('bin')}:${process.env['PATH']}`,
    AGENT_MESH_DATA: workshop.folder('desk'),
  }
  const said: string[] = []
  for (const line of linesOf(beginning))
    said.push((await promisify(execFile)('sh', ['-c', line], { env, cwd: desk() })).stdout)
  return said
}

it('copies what docs/files.md copies, folders with all that is in them', async () => {
  const said = await shell('agent-mesh cp')
  expect(said).toHaveLength(3)
  for (const text of said) expect(text).toMatch(/^Copied \d files?, /)
  expect(await readFile(desk('syslog'), 'utf8')).toBe('line 1\nline 2\n')
  expect(await readFile(desk('logs', 'old', 'access.log'), 'utf8')).toBe('GET /\n')
  expect(await readdir(desk('logs'))).toEqual(['old'])
  expect(await readFile(srv('in', 'site', 'css', 'page.css'), 'utf8')).toBe('a {}')
  expect((await stat(srv('in', 'site', 'run.sh'))).mode & 0o100).toBe(0o100)
})

it('shows the logs of docs/files.md, also that settings were reloaded, and runs its programs', async () => {
  const logs = async () => {
    const said = await shell('agent-mesh logs')
    expect(said[0]).toMatch(/^(\{"level":.*\}\n)+$/)
    return said
  }
  const soon = { timeout: 60_000, interval: 500 }
  const [, file] = await vi.waitFor(logs, soon)
  expect(file).toBe('line 2\n')
  daemons['web-1']?.child.kill('SIGHUP')
  await vi.waitFor(async () => expect((await logs())[0]).toContain('"event":"settings-reloaded"'), soon)
  const [du, wc] = await shell('agent-mesh exec')
  expect(du).toMatch(/^\d+\s\/.*in\n$/)
  expect(wc?.trim().split(/\s+/)).toEqual(['2', '4', '14'])
  // A busy machine may refuse a call that waited too long for its turn.
  const exec = (...words: string[]) =>
    vi.waitFor(
      async () => {
        const ran = await runCommand(['exec', 'web-1', '--json', ...at('desk'), '--', ...words])
        expect(ran.code, ran.stdout + ran.stderr).not.toBe(6)
        return ran
      },
      { timeout: 60_000 },
    )
  const failed = await exec('du', '-s', '/none')
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/"stderr":.*none/) as string })
  const refused = await exec('sh', '-c', 'id')
  expect(refused.code, refused.stdout + refused.stderr).toBe(4)
  const open = await runCommand(['up', ...at('open'), '--allow-exec', '/usr/bin/find /srv *'])
  expect(open).toMatchObject({ code: 2, stderr: expect.stringMatching(/find .*any other program/) as string })
})

it.skipIf(process.platform !== 'linux')('ends a program when its command is interrupted', async () => {
  const args = ['exec', 'web-1', ...at('desk'), '--', 'wc']
  const child = spawn(process.execPath, [commandFile, ...args])
  const caller = `MESH_PEER=${String(daemons['desk']?.ready['peerId'])}`
  const isCounting = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(caller)
    } catch {
      return false
    }
  }
  const counting = () => readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && isCounting(pid))
  await vi.waitFor(() => expect(counting()).toHaveLength(1), { timeout: 60_000, interval: 100 })
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([130, null])
  await vi.waitFor(() => expect(counting()).toEqual([]), { timeout: 60_000, interval: 100 })
})

it('says what it copied and left out, and why it did not, in JSON and by its exit code', async () => {
  const copied = await cp('-r', `web-1:${srv('log')}`, desk(), '--json')
  expect(lastJson(copied)).toMatchObject({ files: 2, folders: 3, bytes: 20, leftOut: ['nginx/link'] })
  expect(await cp(`web-1:${srv('in', 'site', 'run.sh')}`, desk('back.sh'))).toMatchObject({ code: 0 })
  expect((await stat(desk('back.sh'))).mode & 0o777).toBe(0o700)
  const into = `web-1:${srv('in', 'both')}/`
  for (const folder of [srv('in', 'both'), desk('other')]) await mkdir(folder)
  await symlink(desk('loop'), desk('loop'))
  await writeFile(desk('other', 'run.sh'), 'another one')
  const refused: [string[], number, RegExp][] = [
    [[`web-1:${srv('log')}`, desk()], 2, /-r/],
    [[`web-1:${srv('log', 'none')}`, desk()], 7, /no such file/],
    [[desk('site', 'run.sh'), `web-1:${srv('log')}/`], 4, /to read/],
    [[desk('site', 'run.sh'), `web-1:${srv('in', 'x')}/`], 7, /no such folder/],
    [[desk('none'), `web-1:${srv('in')}/`], 7, /no such file/],
    [[desk('loop'), `web-1:${srv('in')}/`], 4, /ELOOP/],
    [[`web-9:${srv('log', 'syslog')}`, desk()], 7, /web-9/],
    [[desk('site', 'run.sh'), desk('syslog'), desk('other', 'run.sh'), into], 8, /both become run\.sh/],
  ]
  for (const [args, code, reason] of refused) {
    const ran = await cp(...args)
    expect(ran, args.join(' ')).toMatchObject({ code, stderr: expect.stringMatching(reason) as string })
  }
  expect(await readdir(srv('in', 'both'))).toEqual([])
})

it('keeps the mode of a file that it replaces, both ways', async () => {
  const modes: number[] = []
  for (const [from, to, target] of [
    [desk('mode'), `web-1:${srv('in')}/`, srv('in', 'mode')],
    [`web-1:${srv('in', 'mode')}`, desk('mode-back'), desk('mode-back')],
  ] as const) {
    await writeFile(desk('mode'), 'new')
    await writeFile(target, 'before')
    await chmod(target, 0o640)
    expect(await cp(from, to)).toMatchObject({ code: 0 })
    expect(await readFile(target, 'utf8')).toBe('new')
    modes.push((await stat(target)).mode & 0o777)
  }
  expect(modes).toEqual([0o640, 0o640])
})

it('copies the rest of a folder when some of it is refused, both ways, and fails', async () => {
  for (const name of ['a', 'b', 'c']) {
    await mkdir(desk('partly', name), { recursive: true })
    await writeFile(desk('partly', name, 'f'), name)
  }
  // A folder is where a file is to come, and a file where a folder is.
  await mkdir(srv('in', 'partly', 'a', 'f'), { recursive: true })
  await writeFile(srv('in', 'partly', 'b'), 'in the way')
  const sent = await cp('-r', desk('partly'), `web-1:${srv('in')}/`, '--json')
  expect(sent.code, sent.stderr).toBe(8)
  expect(lastJson(sent)).toMatchObject({
    files: 1,
    failed: expect.arrayContaining([
      expect.objectContaining({ path: desk('partly', 'a', 'f'), code: 'conflict' }),
      expect.objectContaining({ path: desk('partly', 'b'), code: 'conflict' }),
    ]) as unknown,
  })
  expect(await readFile(srv('in', 'partly', 'c', 'f'), 'utf8')).toBe('c')
  await mkdir(desk('taken', 'partly'), { recursive: true })
  await writeFile(desk('taken', 'partly', 'c'), 'in the way')
  const fetched = await cp('-r', `web-1:${srv('in', 'partly')}`, desk('taken'))
  expect(fetched).toMatchObject({ code: 4, stdout: expect.stringMatching(/^Failed: .*EEXIST/m) as string })
  expect(await readFile(desk('taken', 'partly', 'b'), 'utf8')).toBe('in the way')
  expect(await readFile(desk('taken', 'partly', 'c'), 'utf8')).toBe('in the way')
})

it('mixes no files whose names are alike, both ways, and leaves parts out', async () => {
  const contents = { big: randomBytes(6 * 1024 * 1024), 'big.part': randomBytes(5_000_000) }
  await mkdir(desk('alike'))
  for (const [name, bytes] of Object.entries(contents)) await writeFile(desk('alike', name), bytes)
  await writeFile(desk('alike', '.big.mesh-part'), 'of a copy that was interrupted')
  const sent = await cp('-r', desk('alike'), `web-1:${srv('in')}/`, '--json')
  expect(lastJson(sent)).toMatchObject({ files: 2, leftOut: [desk('alike', '.big.mesh-part')] })
  await writeFile(srv('in', 'alike', '.big.mesh-part'), 'of a copy that was interrupted')
  const fetched = await cp('-r', `web-1:${srv('in', 'alike')}`, desk('back'), '--json')
  expect(lastJson(fetched)).toMatchObject({ files: 2, leftOut: ['.big.mesh-part'] })
  for (const [name, bytes] of Object.entries(contents)) {
    expect(hash(await readFile(srv('in', 'alike', name))), name).toBe(hash(bytes))
    expect(hash(await readFile(desk('back', name))), name).toBe(hash(bytes))
  }
})

/** Starts to put the file `large`, and kills the command when some of it has arrived. @returns what is there of it */
async function killedMidway() {
  const part = srv('in', '.large.mesh-part')
  const args = ['cp', desk('large'), `web-1:${srv('in')}/`, ...at('desk')]
  for (let tries = 0; tries < 20; tries++) {
    const child = spawn(process.execPath, [commandFile, ...args], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const arrived = async () => (await stat(part).catch(() => undefined))?.size ?? 0
    await vi.waitUntil(async () => child.exitCode !== null || (await arrived()) >= 2 * MiB, {
      timeout: 60_000,
      interval: 2,
    })
    child.kill('SIGKILL')
    await ended
    const left = await stat(part).catch(() => undefined)
    // What is on its way then does not complete it.
    if (left !== undefined && left.size >= 2 * MiB && left.size <= size / 2) return left
    await Promise.all([part, srv('in', 'large')].map(path => rm(path, { force: true })))
  }
  throw new Error('each copy was nearly complete before it could be killed')
}

it('continues a copy that was killed, in the file that it had begun', async () => {
  const bytes = randomBytes(size)
  await writeFile(desk('large'), bytes)
  const { ino } = await killedMidway()
  const again = await cp(desk('large'), `web-1:${srv('in')}/`)
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect((await stat(srv('in', 'large'))).ino).toBe(ino)
  expect(hash(await readFile(srv('in', 'large')))).toBe(hash(bytes))
})

it.skipIf(process.platform === 'win32')(
  'receives only what is missing of a copy that could not write on',
  async () => {
    await writeFile(srv('in', 'limited'), randomBytes(size))
    const [from, to] = [`web-1:${srv('in', 'limited')}`, desk('limited')]
    // In blocks of 512 or 1,024 bytes, as the shell has it.
    const limited = `ulimit -f ${(8 * MiB) / 512}; exec "$0" "$@"`
    const args = ['-c', limited, process.execPath, commandFile, 'cp', from, to, ...at('desk')]
    await expect(promisify(execFile)('sh', args)).rejects.toMatchObject({
      stderr: expect.stringContaining('EFBIG') as string,
    })
    const { size: left } = await stat(desk('.limited.mesh-part'))
    expect([8 * MiB, 16 * MiB]).toContain(left)
    const again = await cp(from, to, '--json')
    expect(lastJson(again)).toMatchObject({ files: 1, bytes: size - left })
    expect(hash(await readFile(to))).toBe(hash(await readFile(srv('in', 'limited'))))
  },
)
