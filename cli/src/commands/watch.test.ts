/** `--watch` of a running process, as people and scripts use it. */
import type { LocalPeer, LocalStatus } from '@agent-mesh/protocol/local-api'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { canTry } from '../../../test/support/can-try.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { fitted } from '../show/fitted.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'agent-mesh.js')
let asked = 0
const peer = (): LocalPeer => ({
  peerId: '12D3KooWa',
  name: `seen-${++asked}`,
  kind: 'agent',
  online: true,
  source: 'link',
  services: [],
})

const status: LocalStatus = {
  kind: 'agent',
  version: '1',
  pid: 7,
  startedAt: 0,
  meshId: 'm',
  ready: true,
  warnings: [],
  relays: [],
  addrs: [],
  services: [],
  members: { known: 1, online: 1 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}

let folder = ''
let server: LocalServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watch-'))
  server = await serveLocal(folder, {
    status: () => status,
    peers: () => [peer()],
  } as Partial<LocalDaemon> as LocalDaemon)
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Runs until `shown` is on stdout, then interrupts it; what was on stdout and how it ended. */
async function watched(file: string, args: readonly string[], shown: RegExp) {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text))
  const exited = once(child, 'exit') as Promise<[number]>
  try {
    await vi.waitFor(() => expect(stdout).toMatch(shown), { timeout: 100_000 })
    return { stdout: () => stdout, interrupt: () => child.kill('SIGINT'), stdin: child.stdin, exited }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

const peersEach = ['--data', () => folder, 'peers', '--watch', '100ms'] as const
const command = (...more: string[]) => [
  launcher,
  ...peersEach.map(word => (typeof word === 'string' ? word : word())),
  ...more,
]

test('peers --watch --json prints a line for each look, and ends with 0 at Ctrl-C', async () => {
  const run = await watched(process.execPath, command('--json'), /(?:\{.*\}\n){3}/)
  run.interrupt()
  expect((await run.exited)[0]).toBe(0)
  const names = run
    .stdout()
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { peers: LocalPeer[] }).peers[0]?.name)
  expect(new Set(names).size).toBe(names.length)
})

test('peers --watch in a pipe prints one table below the other, without control characters', async () => {
  const run = await watched(process.execPath, command(), /NAME[^]*\n\nNAME[^]*\n\nNAME/)
  run.interrupt()
  expect((await run.exited)[0]).toBe(0)
  // eslint-disable-next-line no-control-regex -- none of these
  expect(run.stdout()).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
})

const hasTerminal = canTry(
  '--watch on a terminal',
  spawnSync('script', ['--version']).error === undefined,
  'script(1) of util-linux',
)
test.skipIf(!hasTerminal)('peers --watch on a terminal draws in place, and leaves it as it was', async () => {
  const line = [process.execPath, ...command()].map(word => `'${word}'`).join(' ')
  const run = await watched(
    'script',
    ['-qec', `stty rows 24 cols 100; exec ${line}`, '/dev/null'],
    /every 0.1 s; Ctrl-C stops[^]*every 0.1 s/,
  )
  run.stdin.write('\u0003')
  expect((await run.exited)[0]).toBe(0)
  // eslint-disable-next-line no-control-regex -- the cursor goes up
  expect(run.stdout()).toMatch(/\u001b\[\dA/)
  expect(run.stdout().lastIndexOf('\u001b[?25h')).toBeGreaterThan(run.stdout().lastIndexOf('\u001b[?25l'))
})

const top = (...more: string[]) => [launcher, '--data', folder, 'top', '--every', '100ms', ...more]

test.skipIf(!hasTerminal)(
  'top on a terminal fills the other screen, and leaves the terminal as it was',
  async () => {
    const line = [process.execPath, ...top()].map(word => `'${word}'`).join(' ')
    const run = await watched(
      'script',
      ['-qec', `stty rows 24 cols 100; exec ${line}`, '/dev/null'],
      /seen-\d+[^]*every 0.1 s; Ctrl-C stops[^]*seen-\d+/,
    )
    run.stdin.write('\u0003')
    expect((await run.exited)[0]).toBe(0)
    const text = run.stdout()
    const at = (sequence: string) => text.lastIndexOf(`\u001b${sequence}`)
    expect(at('[?1049h')).toBeGreaterThanOrEqual(0)
    // The end of the output: lines wrap, the cursor shows, the first screen is back.
    expect(text.slice(at('[?7h'))).toMatch(/^\S+\[\?25h\S+\[\?1049l\s*$/)
  },
)

test('top --json prints a line for each look until Ctrl-C, and one with --once', async () => {
  const run = await watched(process.execPath, top('--json'), /(?:\{.*\}\n){3}/)
  run.interrupt()
  expect((await run.exited)[0]).toBe(0)
  const once = await watched(process.execPath, top('--json', '--once'), /\n/)
  expect((await once.exited)[0]).toBe(0)
  expect(once.stdout().split('\n')).toHaveLength(2)
  expect(JSON.parse(once.stdout())).toMatchObject({ status: { ready: true }, peers: [{ online: true }] })
})

test('a watch that nothing answers fails at once', () => {
  const { status } = spawnSync(process.execPath, [
    launcher,
    '--data',
    join(folder, 'none'),
    'peers',
    '--watch',
  ])
  expect(status).toBe(3)
})

test.skipIf(!hasTerminal)(
  'peers --watch on a terminal without a size prints one table below the other',
  async () => {
    const line = [process.execPath, ...command()].map(word => `'${word}'`).join(' ')
    const run = await watched(
      'script',
      ['-qec', `stty rows 0 cols 0; exec ${line}`, '/dev/null'],
      /NAME[^]*seen-\d+[^]*NAME[^]*seen-\d+/,
    )
    run.stdin.write('\u0003')
    expect((await run.exited)[0]).toBe(0)
  },
)

test('a page that is longer than the terminal says how much of it is not shown', () => {
  expect(fitted(['a', 'b', 'c'], 24)).toEqual(['a', 'b', 'c'])
  expect(fitted(['a', 'b', 'c', 'd'], 7)).toEqual(['a', 'b', '… 2 more lines'])
})
