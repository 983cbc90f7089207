import type { AuditEntry } from '@agent-mesh/protocol'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { commandFile, endChild, lastJson, runCommand, type Ran } from '../support/command.ts'
import { streamReceiver } from '../support/syslog-receiver.ts'

/** A mesh of processes at level debug, whose whole output is kept. */
let root: string
let said = ''
const children: ChildProcess[] = []
const folder = (name: string): string => join(root, name)

async function start(name: string, ...args: string[]): Promise<ChildProcess> {
  const all = [...args, '--data', folder(name), '--json', '--log-level', 'debug']
  const child = spawn(process.execPath, [commandFile, ...all], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let own = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      own += chunk.toString()
    })
  await vi.waitFor(() => expect(own).toContain('"event":"ready"'), { timeout: 100_000, interval: 50 })
  return child
}

/** Runs a command in a folder; its output is kept unless its purpose is to show a secret. */
async function run(name: string, ...args: string[]): Promise<Ran> {
  const ran = await runCommand([...args, '--data', folder(name)])
  if (args[0] !== 'token') said += ran.stdout + ran.stderr
  return ran
}

const secrets = new Set<string>()
async function token(...args: string[]): Promise<string> {
  const text = String(lastJson(await run('cp', 'token', 'create', '--json', ...args))['token'])
  secrets.add(text.slice(text.lastIndexOf('.') + 1))
  return text
}

/** `audit tail --follow`, and what it has printed. */
function follow(name: string) {
  const args = ['audit', 'tail', '--follow', '--json', '--data', folder(name)]
  const child = spawn(process.execPath, [commandFile, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()))
  const entries = () =>
    out.stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as AuditEntry)
  /** Waits for the entry of a token, identified by its number of uses. */
  const tokenFor = (uses: number) =>
    vi.waitFor(() => expect(entries().some(({ detail }) => detail?.['uses'] === uses)).toBe(true), {
      timeout: 60_000,
      interval: 50,
    })
  const said = (text: string) =>
    vi.waitFor(() => expect(out.stderr).toContain(text), { timeout: 60_000, interval: 50 })
  return { child, entries, tokenFor, said }
}

const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']
let agent: ChildProcess

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'))
  await start('cp', 'control-plane', '--listen', '127.0.0.1:0')
  await start('relay', 'relay', '--join', await token('--role', 'relay'), ...loopback)
  agent = await start('ada', 'up', '--join', await token(), '--name', 'ada', ...loopback)
})
afterAll(async () => {
  for (const child of children.reverse()) await endChild(child)
  await rm(root, { recursive: true, force: true })
})

describe('agent-mesh audit', () => {
  it('shows and verifies the log of the mesh, and names the first entry that was changed on a machine', async () => {
    const shown = (await run('cp', 'audit', 'tail', '--json')).stdout.trim().split('\n')
    const kinds = shown.map(line => (JSON.parse(line) as AuditEntry).what)
    expect(kinds).toEqual(expect.arrayContaining(['token.create', 'join']))
    expect(await run('cp', 'audit', 'verify')).toMatchObject({ code: 0 })
    expect((await run('ada', 'audit', 'tail')).stdout).toContain('"name":"ada"')
    expect(await run('ada', 'audit', 'verify')).toMatchObject({ code: 0 })

    await endChild(agent)
    const out = folder('ada.jsonl')
    expect(
      lastJson(await run('ada', 'audit', 'export', '--since', '1h', '--out', out, '--json')),
    ).toMatchObject({ entries: 1 })
    const file = join(folder('ada'), 'audit.jsonl')
    const kept = await readFile(file, 'utf8')
    expect(await readFile(out, 'utf8')).toBe(kept)
    await writeFile(file, kept.replace('"name":"ada"', '"name":"eve"'))
    const broken = await run('ada', 'audit', 'verify')
    expect(broken).toMatchObject({ code: 1 })
    expect(broken.stdout).toMatch(/entry 1 is broken \(altered\)/)
    await writeFile(file, '')
    expect((await run('ada', 'audit', 'verify')).stdout).toMatch(/truncated/)
    await writeFile(file, kept)
    expect(await run('ada', 'audit', 'verify')).toMatchObject({ code: 0 })
    expect(await run('nobody', 'audit', 'tail')).toMatchObject({ code: 3 })
  })

  it('follows the log of the mesh, also while its control plane is away, until Ctrl-C', async () => {
    const plane = await start('followed', 'control-plane', '--listen', '127.0.0.1:0')
    const tail = follow('followed')
    await vi.waitFor(() => expect(tail.entries()).not.toHaveLength(0), { timeout: 60_000, interval: 50 })
    const createToken = (uses: number) => run('followed', 'token', 'create', '--uses', String(uses))
    await createToken(41)
    await tail.tokenFor(41)

    await endChild(plane)
    await tail.said('Cannot')
    await start('followed', 'control-plane', '--listen', '127.0.0.1:0')
    await createToken(42)
    await tail.tokenFor(42)
    const numbers = tail.entries().map(({ seq }) => seq)
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))

    const exit = once(tail.child, 'exit')
    tail.child.kill('SIGINT')
    expect(await exit).toEqual([0, null])
  })

  it('sends new entries to syslog until Ctrl-C, and continues there at the next start', async () => {
    const receiver = await streamReceiver({ port: 0 })
    const exported = async (ends: () => Promise<unknown>) => {
      const args = [
        'audit',
        'export',
        '--follow',
        '--syslog',
        receiver.address,
        '--data',
        folder('cp'),
        '--json',
      ]
      const child = spawn(process.execPath, [commandFile, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
      children.push(child)
      let out = ''
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
      await ends()
      const exit = once(child, 'close')
      child.kill('SIGINT')
      expect(await exit).toEqual([0, null])
      return JSON.parse(out) as { entries: number }
    }
    const has = (uses: number) =>
      vi.waitFor(
        () => expect(receiver.messages.some(({ text }) => text.includes(`"uses":${uses}`))).toBe(true),
        {
          timeout: 100_000,
          interval: 50,
        },
      )
    try {
      await token('--uses', '43')
      const first = await exported(() => has(43))
      expect(receiver.messages).toHaveLength(first.entries)
      await token('--uses', '44')
      const second = await exported(() => has(44))
      expect(receiver.messages).toHaveLength(first.entries + second.entries)
      const numbers = receiver.messages.map(({ text }) => (JSON.parse(text) as AuditEntry).seq)
      expect(numbers).toEqual(numbers.map((_, i) => i + 1))
      expect(receiver.faults).toEqual([])
    } finally {
      await receiver.stop()
    }
  })

  it('writes no secret anywhere, through all kinds of failures', async () => {
    const spent = await token()
    agent = await start('ada', 'up', ...loopback)
    secrets.add('hunter2-secret')
    await Promise.all([
      run('ben', 'up', '--join', `${spent.slice(0, -2)}AA`, ...loopback),
      run('cai', 'up', '--join', `${spent}x`, ...loopback),
      run('dov', 'up', '--join', spent.replace('amj1', 'amj9'), ...loopback),
      run('cp2', 'control-plane', '--store', 'postgres://mesh:hunter2-secret@127.0.0.1:1/mesh'),
      run('ada', 'call', 'nothing.here', '{"token":"x"}'),
      run('ada', 'token', 'list'),
      run('ada', 'status'),
      run('ada', 'bug-report'),
    ])
    for (const name of ['cp', 'relay', 'ada'])
      for (const file of await readdir(folder(name))) {
        const path = join(folder(name), file)
        if (file.startsWith('audit')) said += await readFile(path, 'utf8')
        if (!file.endsWith('.json')) continue
        const text = await readFile(path, 'utf8')
        for (const [, d = ''] of text.matchAll(/"d"\s*:\s*"([^"]+)"/g)) secrets.add(d)
      }
    expect(secrets.size).toBeGreaterThanOrEqual(8)
    expect(said).toContain('Cannot read join token')
    for (const secret of secrets) expect(said).not.toContain(secret)
    // Credentials and every other signed document.
    expect(said).not.toMatch(/eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/)
    expect(said).not.toContain('PRIVATE KEY')
  })
})
