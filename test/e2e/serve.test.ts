/** Modules of `up --serve`, served by the source and by the bundle. */
import { existsSync } from 'node:fs'
import { attach, defineService } from '@agent-mesh/agent'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod/mini'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { pageProgram } from '../support/page-program.ts'

const checkout = join(import.meta.dirname, '..', '..')
const example = join(checkout, 'examples/greeter.ts')
const built = existsSync(join(checkout, 'cli/dist/bundle/main.js'))
const commands = [
  { name: 'the command', file: commandFile, there: true },
  { name: 'the bundled command', file: join(checkout, 'cli/dist/bin/agent-mesh.js'), there: built },
]

let workshop: Workshop
beforeAll(async () => void (workshop = await openWorkshop()))
afterAll(() => workshop.end())

const counter = defineService({
  name: 'counter',
  version: 1,
  methods: {
    count: { params: z.number(), yields: z.number(), takes: z.number(), result: z.number() },
    ended: { params: z.undefined(), result: z.number() },
    reversed: { params: z.instanceof(Uint8Array), result: z.instanceof(Uint8Array) },
  },
})

/** Streams and raw bytes of a program that attached to the agent. */
async function expectStreams(data: string): Promise<void> {
  const { count, ended, reversed } = (await attach({ data })).service(counter)
  const stream = count(3, { input: [10, 20] })
  const seen: number[] = []
  for await (const n of stream) seen.push(n)
  expect([seen, await stream.result]).toEqual([[1, 2, 3], 30])
  // The result needs no reader of the messages where there are none.
  expect(await count(0, { input: [1] }).result).toBe(1)
  await expect(count(0, { input: [-1] }).result).rejects.toMatchObject({ code: 'conflict' })
  await expect(count(0, { input: ['x' as never] }).result).rejects.toMatchObject({ code: 'invalid_argument' })
  for await (const n of count(1e9)) if (n === 1_000) break
  await vi.waitUntil(async () => (await ended()) === 1e9, { timeout: 20_000 })
  const large = new Uint8Array(300_000).fill(7, 0, 1)
  expect((await reversed(large)).at(-1)).toBe(7)
}

/** The program of docs/attach.md, beside a running agent. */
async function expectAttached(data: string): Promise<void> {
  // Inside the checkout, so that its packages are found.
  const workplace = await mkdtemp(join(checkout, 'examples', '.page-'))
  try {
    const { program, promised } = await pageProgram('attach.md')
    await writeFile(join(workplace, 'main.ts'), program)
    const env = { ...process.env, AGENT_MESH_DATA: data }
    const { stdout } = await promisify(execFile)(process.execPath, ['main.ts'], { cwd: workplace, env })
    expect(stdout.trim().split('\n')).toEqual(promised)
  } finally {
    await rm(workplace, { recursive: true, force: true })
  }
}

/** Its error must be one of the agent that serves it. */
const refusing = `
import { MeshError } from '@agent-mesh/agent'
const refuser = defineService({
  name: 'refuser',
  version: 1,
  methods: { refuse: { params: z.undefined(), result: z.string() } },
})
const counter = defineService({
  name: 'counter',
  version: 1,
  methods: {
    count: { params: z.number(), yields: z.number(), takes: z.number(), result: z.number() },
    ended: { params: z.undefined(), result: z.number() },
    reversed: { params: z.instanceof(Uint8Array), result: z.instanceof(Uint8Array) },
  },
})
let ended = 0
export const counterService = implementService(counter, {
  async *count(to, { input }) {
    try {
      for (let n = 1; n <= to; n++) yield n
      let sum = 0
      for await (const n of input) sum += n
      if (sum < 0) throw new MeshError('conflict', 'Cannot count: the sum is ' + sum)
      return sum
    } finally {
      ended = to
    }
  },
  ended: () => ended,
  reversed: bytes => bytes.toReversed(),
})
export const refuserService = implementService(refuser, {
  refuse: () => {
    throw new MeshError('conflict', 'Cannot refuse: as it says')
  },
})`

describe.each(commands.filter(({ there }) => there))('$name', ({ name, file }) => {
  it('serves a module to commands, to the prompt and to programs that attach', async () => {
    const controlPlane = await workshop.start(
      `${name} cp`,
      ['control-plane', '--listen', '127.0.0.1:0'],
      file,
    )
    const ask = async (data: string, ...args: string[]) =>
      lastJson(await runCommand([...args, '--json', '--data', data], {}, file))
    const { token } = await ask(controlPlane.data, 'token', 'create')
    // Where no package is installed.
    const module = workshop.folder(`${name}.ts`.replaceAll(' ', '-'))
    await writeFile(module, `${await readFile(example, 'utf8')}${refusing}`)
    const up = ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns', '--serve', module]
    const agent = await workshop.start(`${name} agent`, up, file, { AGENT_MESH_JOIN: String(token) })
    expect(await ask(agent.data, 'call', 'greeter.hello', '-f', 'name=Ada')).toMatchObject({
      value: { text: 'Hello, Ada.' },
    })
    const refused = await runCommand(['call', 'refuser.refuse', '--data', agent.data], {}, file)
    expect(refused.stderr).toContain('Cannot refuse: as it says')
    await expectAttached(agent.data)
    await expectStreams(agent.data)
    const lines = `const { text } = await greeter.hello({ name: 'Ada' })\ntext\ngreeter.hello({})\n`
    const typed = await runCommand(['repl', '--data', agent.data], {}, file, lines)
    expect(typed).toMatchObject({ code: 1, stderr: '' })
    expect(typed.stdout).toMatch(/^'Hello, Ada.'\nerror: invalid_argument: /)
    expect(await ask(agent.data, 'describe', 'host.path')).toMatchObject({
      methods: [{ params: { properties: { to: { type: 'string' } } }, result: { type: 'object' } }],
    })
    expect(await ask(agent.data, 'context', 'show')).toMatchObject({ holds: ['member'], member: 'agent' })
    expect(await ask(agent.data, 'describe', 'greeter')).toMatchObject({
      methods: [{ name: 'hello', params: { properties: { name: { type: 'string' } } } }],
    })
  })

  it('refuses a module that does not exist before it joins', async () => {
    const ran = await runCommand(['up', '--serve', 'nofile.ts', '--data', workshop.folder('new')], {}, file)
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('there is no such file') })
  })
})

it('--watch reloads a module and what it imports; calls in flight finish on the module of before', async () => {
  const controlPlane = await workshop.start('watch cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const { token } = lastJson(await runCommand(['token', 'create', '--json', '--data', controlPlane.data]))
  const [module, words] = ['watched.ts', 'words.ts'].map(each => workshop.folder(each)) as [string, string]
  const serving = (wait: number, more = '') => `
    import { defineService, implementService } from '@agent-mesh/agent'
    import * as z from 'zod'
    import { word } from './words.ts'
    const methods = { say: { params: z.undefined(), result: z.string() } }
    const says = defineService({ name: 'says', version: 1, methods })
    export default implementService(says, {
      say: () => {
        process.stderr.write('asked')
        return new Promise(resolve => setTimeout(() => resolve(word + '${more}'), ${wait}))
      },
    })`
  await writeFile(words, `export const word = 'one'`)
  await writeFile(module, serving(3_000))
  const agent = await workshop.start(
    'watch agent',
    [
      'up',
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--no-mdns',
      '--serve',
      module,
      '--watch',
      '--log-level',
      'info',
    ],
    undefined,
    { AGENT_MESH_JOIN: String(token) },
  )
  let log = ''
  agent.child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const say = async () => (await runCommand(['call', 'says.say', '--data', agent.data])).stdout.trim()
  const logged = (text: string) => vi.waitUntil(() => log.includes(text), { timeout: 60_000 })
  /** In one step: between two of writeFile a busy machine lets the agent see half of the file. */
  const replace = async (file: string, text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  const says = (answer: string) =>
    vi.waitFor(async () => expect(await say()).toBe(answer), { timeout: 60_000, interval: 200 })
  const inFlight = say()
  await logged('asked')
  await replace(module, serving(0, '!'))
  await says('"one!"')
  expect(log).toContain('reloaded what changed')
  await replace(words, `export const word = 'two'`)
  await says('"two!"')
  await replace(words, 'export const wrod = 1')
  await logged("does not provide an export named 'word'")
  expect(log).toContain('not reloaded')
  expect(await say()).toBe('"two!"')
  expect(await inFlight).toBe('"one"')
})

it('--watch without a module is refused', async () => {
  const ran = await runCommand(['up', '--watch', '--data', workshop.folder('nothing')])
  expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('no module is served') })
})
