/** What users of the packages do: install them from a registry, run the command, write programs, upgrade and go back. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'

import { versions } from './support/build-releases.ts'
import { localRegistry } from './support/local-registry.ts'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..')
const [first, second] = versions
const mostInstalledMb = 80

let folder = ''
let registry: Awaited<ReturnType<typeof localRegistry>>
const nodes = new Map<string, string>([['24', process.execPath]])

const npm = (args: readonly string[], cwd = folder) => run('npm', args, { cwd })
const install = (...names: string[]) =>
  npm(['install', '--no-audit', '--registry', registry.url, '--userconfig', join(folder, 'npmrc'), ...names])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consumer-'))
  const { stdout: upstream } = await npm(['config', 'get', 'registry'])
  registry = await localRegistry(upstream.trim())
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  // npm publishes only with a token; this registry takes any.
  await writeFile(join(folder, 'npmrc'), `//${new URL(registry.url).host}/:_authToken=any\n`)
  for (const version of versions)
    for (const file of await readdir(join(inject('releases'), version)))
      if (file.endsWith('.tgz'))
        await npm(
          ['publish', join(inject('releases'), version, file), '--registry', registry.url].concat([
            '--userconfig',
            join(folder, 'npmrc'),
          ]),
        )
  await install(`agent-mesh@${first}`, `@agent-mesh/agent@${first}`, 'zod@4')
  const older = join(folder, 'node22')
  await mkdir(older)
  await writeFile(join(older, 'package.json'), '{}')
  await npm(['install', '--no-audit', `node-${process.platform}-${process.arch}@22`], older)
  nodes.set('22', join(older, `node_modules/node-${process.platform}-${process.arch}/bin/node`))
})
afterAll(async () => {
  await registry.stop()
  await rm(folder, { recursive: true, force: true })
})

const installed = (...path: string[]) => join(folder, 'node_modules', ...path)

const program = `
  import { createAgent, defineService, implementService, MeshError } from '@agent-mesh/agent'
  import { attach } from '@agent-mesh/agent/attach'
  import { createTestMesh } from '@agent-mesh/agent/testing'
  import * as z from 'zod'

  const params = z.object({ a: z.number(), b: z.number() })
  const math = defineService({ name: 'math', version: 1, methods: { add: { params, result: z.number() } } })
  const mesh = await createTestMesh()
  const caller = await mesh.agent('caller', { contracts: [math] })
  const callee = await mesh.agent('callee')
  await callee.serve(implementService(math, { add: ({ a, b }) => a + b }))
  const sum: number = await caller.call('math.add', { a: 1, b: 2 })
  // @ts-expect-error -- the sum is a number
  const text: string = sum
  console.log(JSON.stringify([sum, typeof text, typeof createAgent, typeof attach, MeshError.name]))
  process.exit(0)`
const printed = JSON.stringify([3, 'number', 'function', 'function', 'MeshError'])

describe('the packages', () => {
  test(`install in ${mostInstalledMb} MB, without React Native`, async () => {
    const files = await readdir(installed(), { recursive: true, withFileTypes: true })
    const sizes = await Promise.all(
      files.filter(file => file.isFile()).map(file => stat(join(file.parentPath, file.name))),
    )
    const mb = sizes.reduce((sum, { size }) => sum + size, 0) / 1e6
    console.log(`installed: ${mb.toFixed(1)} MB`)
    expect(mb).toBeLessThan(mostInstalledMb)
    expect(files.filter(({ name }) => name.includes('react-native')).map(({ name }) => name)).toEqual([])
  })

  test('give a program its types, also where all declarations are checked', async () => {
    await writeFile(join(folder, 'program.ts'), program)
    const types = ['--types', 'node', '--typeRoots', join(checkout, 'node_modules/@types')]
    const target = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable,dom']
    const tsc = [
      join(checkout, 'node_modules/typescript/bin/tsc'),
      '--noEmit',
      '--strict',
      ...types,
      ...target,
    ]
    const checked = await run(process.execPath, [...tsc, 'program.ts'], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    )
    expect(checked.stdout).toBe('')
  })

  test.each(['24', '22'])('run a program with Node %s, as it is and bundled', async major => {
    const esbuild = join(checkout, 'node_modules/.bin/esbuild')
    await writeFile(join(folder, 'program.ts'), program)
    const target = ['--platform=node', '--format=esm', '--log-level=error']
    await run(esbuild, ['program.ts', ...target, '--outfile=plain.mjs'], { cwd: folder })
    await run(esbuild, ['program.ts', ...target, '--bundle', '--external:*.node', '--outfile=bundled.mjs'], {
      cwd: folder,
    })
    for (const file of ['plain.mjs', 'bundled.mjs']) {
      const { stdout } = await run(nodes.get(major) ?? '', [file], { cwd: folder })
      expect(stdout.trim()).toBe(printed)
    }
  })

  test('export what is public, and nothing of their inside', async () => {
    for (const name of ['@agent-mesh/agent/index', '@agent-mesh/agent/lib/index.js', 'agent-mesh'])
      await expect(run(process.execPath, ['-e', `import('${name}')`], { cwd: folder }), name).rejects.toThrow(
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
      )
  })

  test('run the demo with Node 22', async () => {
    const demo = [installed('agent-mesh/bin/agent-mesh.js'), 'demo', '--once', '--json']
    const { stdout, stderr } = await run(nodes.get('22') ?? '', demo)
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      members: 7,
      calls: { failed: 0 },
    })
    expect(stderr).not.toContain('Warning')
  })

  const old = ['/usr/bin/node', '/usr/local/bin/node']
  test('say in one sentence which Node they need', async context => {
    const found = await Promise.all(
      old.map(node =>
        run(node, ['--version']).then(
          ({ stdout }) => [node, stdout] as const,
          () => undefined,
        ),
      ),
    )
    const [node] = found.find(entry => entry !== undefined && /^v(18|20)\./.test(entry[1])) ?? []
    // CI installs none: it is meant to be skipped there without one.
    if (node === undefined) return context.skip('this machine has no older Node')
    const bare = await run(node, [installed('.bin/agent-mesh'), '--version']).catch((error: Error) => error)
    expect(bare).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Cannot start .* needs Node 22.15 or newer/),
    })
    const failing = `import('@agent-mesh/agent').catch(error => console.log(error.message))`
    const { stdout } = await run(node, ['-e', failing], { cwd: folder })
    expect(stdout).toMatch(
      /^Cannot load @agent-mesh\/agent: it needs Node 22.15.0 or newer, this is v\d+\.\d+\.\d+\n$/,
    )
  })

  test('are what a new project installs, tests and checks its types with', async () => {
    const project = join(folder, 'greeter')
    await run(process.execPath, [installed('agent-mesh/bin/agent-mesh.js'), 'init', project])
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const inProject = (...args: string[]) => run('npm', args, { cwd: project, env })
    await inProject('install', '--no-audit', '--registry', registry.url)
    expect((await inProject('test')).stdout).toMatch(/pass 3\n.*fail 0/)
    await inProject('run', 'check')
    const { stdout } = await inProject('exec', '--', 'agent-mesh', '--version')
    expect(versions).toContain(stdout.trim())
  })

  test('are upgraded and downgraded by npm', async () => {
    const version = async () =>
      (await run(process.execPath, [installed('.bin/agent-mesh'), '--version'])).stdout.trim()
    expect(await version()).toBe(first)
    await install('agent-mesh@latest', '@agent-mesh/agent@latest')
    expect(await version()).toBe(second)
    await install(`agent-mesh@${first}`, `@agent-mesh/agent@${first}`)
    expect(await version()).toBe(first)
  })
})

test('npm packs no workspace: that package could not be imported', async () => {
  for (const room of ['agent', 'cli', 'protocol', 'relay', 'lambdas', 'infra']) {
    const packed = npm(['pack', '--dry-run', '-w', room], checkout)
    await expect(packed, room).rejects.toThrow('npm run release')
    const manifest = JSON.parse(await readFile(join(checkout, room, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({ private: true })
  }
})
