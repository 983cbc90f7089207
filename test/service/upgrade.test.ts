/** `agent-mesh upgrade` of a service under a real systemd: the next version gets ready, or the one of before serves again. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { LocalMesh } from '../support/local-mesh.ts'
import { buildProgram, makeRelease, serveReleases } from '../support/program-releases.ts'
import { BootedSystem } from './support/booted-system.ts'

const run = promisify(execFile)
const data = '/var/lib/agent-mesh/default'
const program = '/usr/local/lib/agent-mesh/agent-mesh'
const node = '/opt/agent-mesh/node'
/** What each release does in place of `up`. */
const builds = [
  ['0.1.0', ''],
  ['0.1.1', ''],
  ['0.1.2', "if (process.argv.includes('up')) process.exit(2);"],
  ['0.1.3', "if (process.argv.includes('up')) await new Promise(() => setInterval(() => {}, 1000));"],
] as const

let folder: string
let mesh: LocalMesh
let system: BootedSystem
let server: Awaited<ReturnType<typeof serveReleases>>

const command = (...args: string[]) => system.run(program, args)
const upgrade = (...args: string[]) => command('upgrade', '--json', ...args, '--from', server.url)
const status = async () => {
  const { stdout, stderr } = await command('--data', data, 'status', '--json')
  if (!stdout.startsWith('{')) throw new Error(`no status: ${stdout}${stderr}`)
  return JSON.parse(stdout) as { version: string; ready: boolean; pid: number }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-upgrade-'))
  const opt = join(folder, 'opt')
  await mkdir(opt)
  await cp(process.execPath, join(opt, 'node'))
  for (const [version, first] of builds) {
    await buildProgram(join(opt, version), { version, node, first })
    await makeRelease(join(folder, 'releases', version), join(opt, version), version)
  }
  await run('chmod', ['-R', 'a+rX', folder])
  server = await serveReleases(join(folder, 'releases'))
  mesh = await LocalMesh.start()
  system = await BootedSystem.boot({ [opt]: '/opt/agent-mesh' })
  await system.run('install', ['-D', '--mode=755', '/opt/agent-mesh/0.1.0', program])
  const service = ['service', 'install', '--join', await mesh.token(), '--', '--name', 'web-1', '--no-mdns']
  expect(await command(...service)).toMatchObject({ code: 0, stderr: '' })
})
afterAll(async () => {
  await system?.end()
  await mesh?.stop()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the next version gets ready in the same service', async () => {
  const before = await status()
  const upgraded = await upgrade('--to', '0.1.1', '--program', program)
  expect(upgraded.code, upgraded.stdout + upgraded.stderr).toBe(0)
  expect(JSON.parse(upgraded.stdout)).toMatchObject({ outcome: 'upgraded', services: ['agent-mesh'] })
  const after = await status()
  expect(after).toMatchObject({ version: '0.1.1', ready: true })
  expect(after.pid).not.toBe(before.pid)
})

test('the version of before comes back by hand', async () => {
  const back = await command('upgrade', '--back', '--program', program, '--json')
  expect(back).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(back.stdout)).toMatchObject({
    outcome: 'back',
    version: '0.1.0',
    services: ['agent-mesh'],
  })
  expect(await status()).toMatchObject({ version: '0.1.0', ready: true })
})

test.each([
  ['0.1.2', 'ends', []],
  ['0.1.3', 'runs and is never ready', ['--ready-within', '3s']],
])('version %s, which %s, is replaced by the one of before, which serves', async (version, _, options) => {
  const failed = await upgrade('--to', version, '--program', program, ...options)
  expect(failed.code, failed.stdout).toBe(5)
  const { error } = JSON.parse(failed.stdout) as { error: { message: string } }
  expect(error.message).toMatch(
    /^Cannot upgrade to 0\.1\.[23]: agent-mesh: .*; went back to 0\.1\.0, which is ready$/,
  )
  expect(await status()).toMatchObject({ version: '0.1.0', ready: true })
  expect((await command('--version')).stdout).toBe('0.1.0\n')
})

test('a service that is stopped stays so', async () => {
  await system.run('systemctl', ['stop', 'agent-mesh'])
  const upgraded = await upgrade('--to', '0.1.1', '--program', program)
  expect(JSON.parse(upgraded.stdout)).toMatchObject({ services: [], stopped: ['agent-mesh'] })
  expect((await command('service', 'status')).code).toBe(3)
})
