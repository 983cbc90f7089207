/** Scripts for machines, over a program of the test in place of `ssh`: a shell of this machine. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { commands } from '../commands.ts'
import { quoted, SshHost } from './ssh-host.ts'

let folder: string
let host: SshHost
/** Processes of `ssh`. */
const begun: number[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssh-host-'))
  await writeFile(join(folder, 'ssh'), '#!/bin/sh\nexec sh -s\n', { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const machine = { name: 'relay-1', role: 'relay', ssh: 'admin@relay-1.example.com' } as const
  host = new SshHost(
    commands({ env, began: pid => (begun.push(pid), () => {}) }),
    { as: [], options: [] },
    { ...machine, data: folder, program: join(folder, 'program') },
  )
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

test.each(["it's", '$(reboot)', '`reboot`', 'a b', '', '"; reboot', "'; reboot '", 'a\nb'])(
  'a shell takes %j as one word',
  word => {
    const said = execFileSync('sh', ['-s'], { input: `printf '%s|' ${quoted(word)}`, encoding: 'utf8' })
    expect(said).toBe(`${word}|`)
  },
)

test('gives what a script says, and names the machine where it fails', async () => {
  expect(await host.run('echo one\necho two', signal)).toBe('one\ntwo')
  const failed = host.run('false\necho more', signal)
  await expect(failed).rejects.toThrow('Cannot run on relay-1 (admin@relay-1.example.com): exit 1')
  await expect(host.run('echo no room >&2; exit 7', signal)).rejects.toMatchObject({
    exit: 7,
    said: 'no room',
  })
})

/** A script whose program goes back before it ends: its files are there once it has begun, has ended, and the script went on. */
async function running(called: AbortSignal) {
  const [begins, ended, after] = [join(folder, 'begins'), join(folder, 'ended'), join(folder, 'after')]
  const program = `trap 'sleep 0.3; touch ${ended}; exit 1' TERM; touch ${begins}; while :; do sleep 0.05; done`
  const ran = host.run(`sh -c ${quoted(program)}\ntouch ${after}`, called, 60_000).then(String, String)
  await vi.waitUntil(() => existsSync(begins), { timeout: 20_000 })
  return { ran, hasEnded: () => existsSync(ended), isAfter: () => existsSync(after) }
}

test('at Ctrl-C what runs on the machine is ended, and has ended when the next one may begin', async () => {
  const abort = new AbortController()
  const { ran, hasEnded, isAfter } = await running(abort.signal)
  abort.abort(new Error('Ctrl-C'))
  expect([await ran, hasEnded(), isAfter()]).toEqual(['Error: Ctrl-C', true, false])
})

test('what runs on the machine ends with the connection', async () => {
  const { ran, hasEnded, isAfter } = await running(signal)
  const shell = begun.at(-1) ?? 0
  // Its own end of stdin is open until what reads it in its place has begun.
  await vi.waitUntil(() => !existsSync(`/proc/${shell}/fd/3`), { timeout: 20_000 })
  process.kill(shell, 'SIGKILL')
  expect(await ran).toContain('Cannot run on relay-1')
  await vi.waitUntil(hasEnded, { timeout: 20_000 })
  expect(isAfter()).toBe(false)
})

test('what a script leaves in the background goes on, and keeps no connection open', async () => {
  const left = join(folder, 'left')
  const wait = `while [ ! -e ${left}.go ]; do sleep 0.05; done; touch ${left}`
  await host.run(`nohup sh -c ${quoted(wait)} < /dev/null > /dev/null 2>&1 &`, signal)
  await writeFile(`${left}.go`, '')
  await vi.waitUntil(() => existsSync(left), { timeout: 20_000 })
})
