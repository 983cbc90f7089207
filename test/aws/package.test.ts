/** The published package of the constructs, in a folder that is no checkout: installed by npm, imported by Node and by TypeScript. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

const app = `
import { ControlPlane, MeshData, Relay } from '@agent-mesh/infra'
import { App, Stack } from 'aws-cdk-lib'
import { Vpc } from 'aws-cdk-lib/aws-ec2'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'

const stack = new Stack(new App(), 'Theirs')
const { table, authorityKey } = new MeshData(stack, 'Data')
const mesh: ControlPlane = new ControlPlane(stack, 'Mesh', { table, authorityKeys: [authorityKey] })
const relay = new Relay(stack, 'Relay', {
  vpc: new Vpc(stack, 'Vpc', { natGateways: 0 }),
  name: 'relay-1',
  token: Secret.fromSecretNameV2(stack, 'Token', 'mesh/relay-1'),
})
relay.node.addDependency(mesh)
`
let folder = ''
let outdir = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theirs-'))
  outdir = join(folder, 'cdk.out')
  const dist = join(folder, 'dist')
  await run(process.execPath, ['infra/build/build.ts', dist], { cwd: root })
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: dist })
  await rm(dist, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  // Its peer dependency is the CDK of the app, which is too large to be fetched for a test.
  const alone = ['--legacy-peer-deps', '--offline', '--no-audit', '--no-fund']
  await run('npm', ['install', ...alone, join(folder, stdout.trim())], { cwd: folder })
  const modules = join(folder, 'node_modules')
  for (const name of ['aws-cdk-lib', 'constructs'])
    await symlink(join(root, 'node_modules', name), join(modules, name))
  await mkdir(join(modules, '@types'))
  await symlink(join(root, 'node_modules', '@types', 'node'), join(modules, '@types', 'node'))
  await writeFile(join(folder, 'app.ts'), app)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('has no dependency but the CDK of the app', async () => {
  const manifest = await readFile(join(folder, 'node_modules/@agent-mesh/infra/package.json'), 'utf8')
  expect(JSON.parse(manifest)).toMatchObject({
    peerDependencies: { 'aws-cdk-lib': expect.any(String), constructs: expect.any(String) },
  })
  expect(JSON.parse(manifest)).not.toHaveProperty('dependencies')
})

it('is synthesized by Node alone, with the functions and the command that it carries', async () => {
  await run(process.execPath, ['app.ts'], { cwd: folder, env: { ...process.env, CDK_OUTDIR: outdir } })
  const template = await readFile(join(outdir, 'Theirs.template.json'), 'utf8')
  const types = Object.values((JSON.parse(template) as { Resources: object }).Resources).map(
    ({ Type }: { Type: string }) => Type,
  )
  expect(types.filter(type => type === 'AWS::Lambda::Function')).toHaveLength(5)
  expect(template).toContain('NODE_ARM64_INTEGRITY=sha512-')
  const assets = (await readdir(outdir)).filter(name => name.startsWith('asset.'))
  const held = await Promise.all(assets.map(name => readdir(join(outdir, name))))
  expect(held.filter(names => names.includes('index.mjs'))).toHaveLength(5)
  expect(held.filter(names => names.includes('bin') && names.includes('bundle'))).toHaveLength(1)
})

it('has types that a strict compiler takes', async () => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck']
  const checked = await run(process.execPath, [compiler, ...options, '--types', 'node', 'app.ts'], {
    cwd: folder,
  }).catch((failed: { stdout: string }) => failed)
  expect(checked.stdout).toBe('')
})
