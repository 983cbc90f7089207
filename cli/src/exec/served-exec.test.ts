/** Programs of a machine for other members, over real agents and real processes. */
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { auditEntries, type Agent } from '@agent-mesh/agent'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { LocalMesh } from '../../../test/support/local-mesh.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { readAllowedProgram } from './allowed-program.ts'
import type { ExecEnd } from './exec-values.ts'
import { servedExec } from './served-exec.ts'

let mesh: LocalMesh
let owner: Agent
let caller: Agent
let other: Agent
let third: Agent
const wait = { timeout: 60_000, interval: 20 }
const script = (name: string) => join(mesh.folder, name)

/** Programs of this test. */
const scripts = {
  echo: 'cat; echo to-error >&2; exit 7',
  env: '/usr/bin/env',
  count: 'wc -c',
  flood: 'echo $$; exec /usr/bin/yes',
  // Its child outlives it, unless its group is ended.
  spawns: 'sleep 600 & echo $! ; echo $$; wait',
  stubborn: "trap '' TERM; echo $$; while :; do sleep 1; done",
  // Its child leaves the group, and keeps the output open.
  escapes: 'setsid sleep 600 & echo $!; wait',
  leaves: 'setsid sleep 600 & echo $!',
  args: 'for each in "$@"; do echo "[$each]"; done',
}

beforeAll(async () => {
  mesh = await LocalMesh.start()
  const agents = await Promise.all(['owner', 'caller', 'other', 'third'].map(name => mesh.agent({ name })))
  ;[owner, caller, other, third] = agents as [Agent, Agent, Agent, Agent]
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(script(name), `#!/bin/sh\n${text}\n`)
    await chmod(script(name), 0o755)
  }
  const allowed = [
    ...Object.keys(scripts).map(name => `${script(name)}${name === 'args' ? ' *' : ''}`),
    '/none/at/all',
  ]
  owner.serve(servedExec({ agent: owner, allowed: allowed.map(text => readAllowedProgram(text)!) }))
  for (const each of [caller, other, third])
    await vi.waitFor(() => expect(each.services().map(({ service }) => service)).toContain('exec@1'), wait)
})
afterAll(() => mesh.stop())

interface From {
  from?: Agent
  signal?: AbortSignal
  /** ms for the whole. */
  timeout?: number
}

const start = (command: string[], input: Iterable<Uint8Array> = [], { from = caller, ...more }: From = {}) =>
  from.stream('exec.run', { command }, { peer: 'owner', input, ...more })

async function ran(...[command, input, how]: Parameters<typeof start>) {
  const said = ['', '', '']
  const stream = start(command, input, how)
  for await (const message of stream) {
    const bytes = Buffer.from(message as Uint8Array)
    said[bytes[0]!] += bytes.toString('utf8', 1)
  }
  return { out: said[1], error: said[2], end: (await stream.result) as ExecEnd }
}

/** Numbers that a program says first. */
async function pidsOf(stream: ReturnType<typeof start>, count: number): Promise<number[]> {
  let text = ''
  const messages = stream[Symbol.asyncIterator]()
  while (text.split('\n').length <= count) {
    const { value } = await messages.next()
    text += Buffer.from(value as Uint8Array).toString('utf8', 1)
  }
  return text.trim().split('\n').map(Number)
}

const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('is granted to no member by a grant for services in general', async () => {
  expect(await refusal(ran(['echo']))).toMatch(/^permission_denied: .*policy/)
  const from = ['caller', 'other', 'third'].map(name => `name:${name}`)
  await mesh.grant({ from, to: ['service:exec.*'], allow: ['call'] })
  await vi.waitFor(() => ran(['args']), wait)
})

it('carries input, output, errors and the exit code', async () => {
  const input = [Buffer.from('one\n'), Buffer.from('two\n')]
  expect(await ran(['echo'], input)).toEqual({ out: 'one\ntwo\n', error: 'to-error\n', end: { code: 7 } })
})

it('takes any length of input with the same few listeners', async () => {
  const warnings: string[] = []
  const onWarning = ({ name, message }: Error) => {
    if (name === 'MaxListenersExceededWarning') warnings.push(message)
  }
  process.on('warning', onWarning)
  try {
    const { out } = await ran(
      ['count'],
      Array.from({ length: 100 }, () => Buffer.alloc(64 * 1024)),
    )
    expect(out!.trim()).toBe(`${100 * 64 * 1024}`)
  } finally {
    process.off('warning', onWarning)
  }
  expect(warnings).toEqual([])
})

it('passes arguments as they are, to no shell, and none that is an option', async () => {
  const { out } = await ran(['args', 'a b', '$(id)', ';ls', '*', ''])
  expect(out).toBe('[a b]\n[$(id)]\n[;ls]\n[*]\n[]\n')
  expect(await refusal(ran(['args', '-x']))).toMatch(/^permission_denied: .*owner of that machine/)
  expect(await refusal(ran(['/bin/sh', '-c', 'id']))).toMatch(/^permission_denied/)
  expect(await refusal(ran([`${mesh.folder}/../${mesh.folder}/echo`]))).toMatch(/^permission_denied/)
  expect(await refusal(ran(['args', 'a\0b']))).toMatch(/^invalid_argument/)
  expect(await refusal(ran(['/none/at/all']))).toMatch(/^not_found/)
})

it('has no variable of the agent, and says who calls', async () => {
  process.env['EXEC_TEST_SECRET'] = 'secret'
  const { out } = await ran(['env']).finally(() => delete process.env['EXEC_TEST_SECRET'])
  const names = out!
    .trim()
    .split('\n')
    .map(line => line.split('=')[0])
  expect(names.filter(name => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name!)).sort()).toEqual([
    'HOME',
    'LANG',
    'MESH_NAME',
    'MESH_PEER',
    'PATH',
  ])
  expect(out).toContain(`MESH_PEER=${caller.peerId}\n`)
})

it.skipIf(process.platform !== 'linux')('makes a program that writes more than is read wait', async () => {
  const stream = start(['flood'])
  const [pid] = await pidsOf(stream, 1)
  const written = async () => Number(/wchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1])
  let before = -1
  await vi.waitFor(
    async () => {
      const last = before
      before = await written()
      expect(before).toBe(last)
    },
    { timeout: 20_000, interval: 250 },
  )
  expect(before).toBeLessThan(64 * 1024 * 1024)
  stream.cancel()
  await vi.waitFor(() => expect(runs(pid!)).toBe(false), wait)
})

it.each([
  ['spawns', 2],
  ['stubborn', 1],
] as const)('ends the process group of %s when its caller goes', async (name, count) => {
  const stop = new AbortController()
  const pids = await pidsOf(start([name], [], { signal: stop.signal }), count)
  expect(pids.every(runs)).toBe(true)
  stop.abort()
  await vi.waitFor(() => expect(pids.filter(runs)).toEqual([]), wait)
})

it.skipIf(process.platform !== 'linux')(
  'has room again when the callers of programs are gone whose children stay',
  async () => {
    const stop = new AbortController()
    const pids: number[] = []
    const hasLeft = async (pid: number) =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('sleep')
    try {
      for (let n = 0; n < 16; n++) {
        const how = { from: n < 8 ? caller : other, signal: stop.signal }
        const stream = start([n % 2 === 0 ? 'escapes' : 'leaves'], [], how)
        stream.result.catch(() => undefined)
        pids.push(...(await pidsOf(stream, 1)))
      }
      await vi.waitFor(async () => {
        for (const pid of pids) expect(await hasLeft(pid)).toBe(true)
      }, wait)
      expect(await refusal(ran(['args', 'full'], [], { from: third }))).toMatch(/^overloaded/)
      stop.abort()
      await vi.waitFor(async () => expect((await ran(['args', 'again'])).out).toBe('[again]\n'), wait)
      expect(pids.filter(runs)).toEqual(pids)
    } finally {
      for (const pid of pids) if (runs(pid)) process.kill(pid, 'SIGKILL')
    }
  },
)

it('runs 8 programs of one member at a time, 16 of all, and refuses the rest of 1,000', async () => {
  const stop = new AbortController()
  const codes = new Map<string, number>()
  const begun: Promise<unknown>[] = []
  const begin = (from: Agent) => {
    // A thousand at once take longer to begin than the 30 s that a stream has where the machine is busy.
    const stream = start(['stubborn'], [], { from, signal: stop.signal, timeout: 200_000 })
    const first = stream[Symbol.asyncIterator]().next()
    stream.result.catch(() => undefined)
    const told = first.then(
      () => 'runs',
      (error: { code: string }) => error.code,
    )
    const count = (key: string) => codes.set(key, (codes.get(key) ?? 0) + 1)
    begun.push(told.then(code => count(`${from.name}: ${code}`)))
  }
  for (let n = 0; n < 1_000; n++) begin(caller)
  await vi.waitFor(() => expect(codes.get('caller: overloaded')).toBe(992), wait)
  await vi.waitFor(() => expect(codes.get('caller: runs')).toBe(8), wait)
  expect(await refusal(ran(['args', 'more']))).toMatch(/^overloaded: .*8 programs of this member/)
  for (let n = 0; n < 8; n++) begin(other)
  await vi.waitFor(() => expect(codes.get('other: runs')).toBe(8), wait)
  expect(await refusal(ran(['args', 'full'], [], { from: third }))).toMatch(/^overloaded: .*16 programs/)
  stop.abort()
  await Promise.all(begun)
  await vi.waitFor(async () => expect((await ran(['args', 'again'])).out).toBe('[again]\n'), wait)
}, 240_000)

it('has each command on record, with its end, and what was refused', async () => {
  await vi.waitFor(async () => {
    const details: unknown[] = []
    for await (const { what, who, detail } of auditEntries(mesh.data('owner')))
      if (what === 'exec' && who === caller.peerId) details.push(detail)
    const echo = { name: 'caller', command: '["echo"]' }
    expect(details).toContainEqual(echo)
    expect(details).toContainEqual({ ...echo, ended: 'exit code 7' })
    const refused = { name: 'caller', command: '["args","-x"]', refused: 'permission_denied' }
    expect(details).toContainEqual(refused)
  }, wait)
  expect(await readFile(join(mesh.data('owner'), 'audit.jsonl'), 'utf8')).not.toContain('secret')
})
