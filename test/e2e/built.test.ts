import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { openWorkshop, runCommand, lastJson, type Workshop } from '../support/command.ts'

/** What `npm run build` makes, used as its users do. Skipped before a build; `.ci/run` builds and runs it. */
const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..')
const bundle = join(checkout, 'cli/dist/bin/agent-mesh.js')
const built = existsSync(bundle)
const libraries = ['protocol', 'agent', 'relay', 'lambdas']

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Infinity

describe.skipIf(!built)('the bundled command', () => {
  let workshop: Workshop
  beforeAll(async () => void (workshop = await openWorkshop()))
  afterAll(() => workshop.end())

  it.each(['/usr/bin/node', process.execPath].filter(path => existsSync(path)))(
    'runs under %s',
    async node => {
      // Below Node 24 the launcher needs one: the checkout's, found from the working folder.
      const { stdout } = await run(node, [bundle, '--help'], { cwd: checkout })
      expect(stdout).toContain('agent-mesh control-plane')
    },
  )

  it('answers the status of a running agent within ten starts of a bare Node (medians of 5, in turn)', async () => {
    const controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'], bundle)
    const made = await runCommand(['token', 'create', '--json', '--data', controlPlane.data], {}, bundle)
    const join = ['--join', String(lastJson(made)['token']), '--listen', '/ip4/127.0.0.1/tcp/0']
    const agent = await workshop.start('agent', ['up', ...join], bundle)
    const timed = async (args: readonly string[], file: string) => {
      const began = performance.now()
      const ran = await runCommand(args, {}, file)
      return { ran, ms: performance.now() - began }
    }
    const bare: number[] = []
    const status: number[] = []
    for (let i = 0; i < 5; i++) {
      bare.push((await timed(['0'], '-p')).ms)
      const { ran, ms } = await timed(['status', '--json', '--data', agent.data], bundle)
      expect(lastJson(ran)).toMatchObject({ kind: 'agent', ready: true })
      status.push(ms)
    }
    // 4 to 6 on a quiet machine, where a bare start takes 40 ms: a ratio holds on a busy one too.
    expect(median(status) / median(bare)).toBeLessThan(10)
  })
})

describe.skipIf(!built)('a process of the bundled command in a folder with a long name', () => {
  it("starts without V8's last compiler, whose code would take 5 MB of a process that rests", async () => {
    const root = await mkdtemp(
      join(tmpdir(), 'a-folder-whose-name-is-as-long-as-those-of-some-installations-'),
    )
    const copy = join(root, 'node_modules/agent-mesh')
    await cp(join(checkout, 'cli/dist'), copy, { recursive: true })
    const command = ['control-plane', '--listen', '127.0.0.1:0', '--data', join(root, 'data'), '--json']
    const child = spawn(process.execPath, ['--trace-opt', join(copy, 'bin/agent-mesh.js'), ...command])
    try {
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      await vi.waitFor(() => expect(said).toContain('"event":"ready"'), 20_000)
      expect(said.split('\n').filter(line => /completed optimizing.*TURBOFAN/.test(line))).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await rm(root, { recursive: true, force: true })
    }
  })
})

/** At SIGUSR2 a process that imports it writes which of Node's libraries it has loaded, and where it compared by language. */
const libraryList = (file: string) => `
  import { writeFileSync } from 'node:fs'
  const loaded = []
  const note = () => loaded.push('collation ' + new Error().stack.split('\\n')[3])
  Intl.Collator = class extends Intl.Collator { constructor(...args) { super(...args); note() } }
  String.prototype.localeCompare = function (other) { note(); return this < other ? -1 : 1 }
  const list = () => [...process.moduleLoadList, ...loaded, 'end'].join('\\n')
  process.on('SIGUSR2', () => writeFileSync(${JSON.stringify(file)}, list()))`

describe.skipIf(!built)('an agent of the bundled command', () => {
  let workshop: Workshop
  beforeAll(async () => void (workshop = await openWorkshop()))
  afterAll(() => workshop.end())

  it('has asked its control plane and answered a command without what fetch and collation take, 15 MB', async () => {
    const controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'], bundle)
    const uses = ['token', 'create', '--uses', '2', '--json', '--data', controlPlane.data]
    const made = await runCommand(uses, {}, bundle)
    const joining = ['--join', String(lastJson(made)['token']), '--listen', '/ip4/127.0.0.1/tcp/0']
    const file = workshop.folder('libraries')
    const lister = workshop.folder('lister.mjs')
    await writeFile(lister, libraryList(file))
    const NODE_OPTIONS = `--import=${lister}`
    const agent = await workshop.start('agent', ['up', ...joining, '--metrics', '127.0.0.1:0'], bundle, {
      NODE_OPTIONS,
    })
    expect((await fetch(`${String(agent.ready['metricsUrl'])}/metrics`)).status).toBe(200)
    await workshop.start('other', ['up', ...joining, '--name', 'other'], bundle)
    const call = ['call', 'host.info', '--peer', 'other', '--data', agent.data]
    await vi.waitFor(async () => expect((await runCommand(call, {}, bundle)).code).toBe(0), {
      timeout: 20_000,
    })
    agent.child.kill('SIGUSR2')
    const list = await vi.waitUntil(
      async () => (await readFile(file, 'utf8').catch(() => '')).match(/^.*\nend$/s)?.[0],
      { timeout: 20_000 },
    )
    expect(list).toContain('NativeModule _http_server')
    expect(list.split('\n').filter(name => /undici|^collation/.test(name))).toEqual([])
  })
})

describe.skipIf(!built)('the built packages', () => {
  let root = ''
  const modules = () => join(root, 'node_modules')

  /** A project that installed them: the built folders as real copies, everything else as in the checkout. */
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'built-'))
    await mkdir(join(modules(), '@agent-mesh'), { recursive: true })
    for (const name of await readdir(join(checkout, 'node_modules')))
      if (name !== '@agent-mesh' && !name.startsWith('.'))
        await symlink(join(checkout, 'node_modules', name), join(modules(), name))
    for (const room of libraries)
      await cp(join(checkout, room, 'dist'), join(modules(), '@agent-mesh', room), { recursive: true })
    await writeFile(join(root, 'package.json'), '{"type":"module"}')
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it.each(libraries)('@agent-mesh/%s is imported from node_modules, without its sources', async room => {
    const script = `const room = await import('@agent-mesh/${room}'); console.log(Object.keys(room).length)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
    expect(Number(stdout)).toBeGreaterThan(0)
    const files = await readdir(join(modules(), '@agent-mesh', room), { recursive: true })
    expect(files.filter(name => /(?<!\.d)\.ts$|\.test\./.test(name))).toEqual([])
  })

  it('make the test of a project of "agent-mesh init" pass, and its types right', async () => {
    const cwd = join(root, 'greeter')
    await run(process.execPath, [bundle, 'init', cwd])
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = await run(process.execPath, ['--test'], { cwd, env })
    expect(stdout).toMatch(/pass 3\n.*fail 0/)
    const tsc = join(checkout, 'node_modules/typescript/bin/tsc')
    const checked = await run(process.execPath, [tsc], { cwd }).catch((error: { stdout: string }) => error)
    expect(checked.stdout).toBe('')
  })

  it('give a program their types', async () => {
    const program = `
      import { createAgent } from '@agent-mesh/agent'
      import { MeshError } from '@agent-mesh/protocol/errors'
      const agent = await createAgent({ data: 'x' })
      const name: string = agent.name
      // @ts-expect-error -- a peer id is a string
      const peerId: number = agent.peerId
      export { name, peerId, MeshError }`
    await writeFile(join(root, 'program.ts'), program)
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
    ]
    const tsc = join(checkout, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(
      process.execPath,
      [tsc, ...options, '--lib', 'es2024,esnext.disposable,dom', 'program.ts'],
      {
        cwd: root,
      },
    ).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })
})
