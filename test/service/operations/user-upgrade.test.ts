/** Services of a user: upgrades without root, those that are interrupted, and programs that are not the user's to replace. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { LocalMesh } from '../../support/local-mesh.ts'
import { BootedSystem } from '../support/booted-system.ts'
import { opt, releasedPrograms, releases } from '../support/released-programs.ts'

const user = { name: 'mesh-desk', uid: 4_711 }
const program = `/home/${user.name}/.local/bin/agent-mesh`
const patience = { timeout: 100_000, interval: 250 }

let folder: string
let mesh: LocalMesh
let system: BootedSystem

const command = (...args: string[]) => system.runAs(user, program, [...args, '--json'])
const upgrade = (to: string, ...more: string[]) => command('upgrade', '--to', to, '--from', releases, ...more)
const status = async () => {
  const { stdout, stderr } = await command('status', '--wait', '60s')
  if (!stdout.startsWith('{')) throw new Error(`no status: ${stdout}${stderr}`)
  return JSON.parse(stdout) as { version: string; ready: boolean; pid: number }
}

/** Runs a program as root; it must succeed. */
async function root(tool: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await system.run(tool, args)
  expect(code, `${tool} ${args.join(' ')}: ${stdout}${stderr}`).toBe(0)
  return stdout.trim()
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'user-upgrade-'))
  const { shown, debianPackage } = await releasedPrograms(folder)
  mesh = await LocalMesh.start()
  system = await BootedSystem.boot({ [shown]: opt })
  await root('useradd', '--create-home', `--uid=${user.uid}`, user.name)
  await root('loginctl', 'enable-linger', user.name)
  await root('install', '-D', '--mode=755', `${opt}/0.1.0`, program)
  await root('chown', '-R', user.name, `/home/${user.name}`)
  await root('dpkg', '--install', '--force-depends', `${opt}/${debianPackage}`)
})
afterAll(async () => {
  await system?.end()
  await mesh?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a service of a user starts with the machine, and upgrades without root', async () => {
  const join = ['--join', await mesh.token(), '--', '--name', 'desk-1', '--no-mdns']
  const installed = await system.runAs(user, program, ['--json', 'service', 'install', '--user', ...join])
  expect(installed.code, installed.stdout + installed.stderr).toBe(0)
  const before = await status()
  expect(before).toMatchObject({ version: '0.1.0', ready: true })
  const upgraded = await upgrade('0.1.1', '--program', program)
  expect(upgraded.code, upgraded.stdout + upgraded.stderr).toBe(0)
  expect(JSON.parse(upgraded.stdout)).toMatchObject({ outcome: 'upgraded', services: ['agent-mesh'] })
  const after = await status()
  expect(after).toMatchObject({ version: '0.1.1', ready: true })
  expect(after.pid).not.toBe(before.pid)
})

test('it goes back by itself from a version that ends', async () => {
  const failed = await upgrade('0.1.2', '--program', program)
  expect(failed.code, failed.stdout + failed.stderr).toBe(5)
  expect(failed.stdout).toContain('went back to 0.1.1, which is ready')
  expect(await status()).toMatchObject({ version: '0.1.1', ready: true })
})

/** Sends a signal to an upgrade to the version that never gets ready, once the service was restarted. @returns how it ended */
async function signalled(signal: 'INT' | 'KILL') {
  const { pid: before } = await status()
  const words = [program, 'upgrade', '--json', '--to', '0.1.3', '--from', releases, '--ready-within', '10m']
  const file = `/home/${user.name}/upgrade.pid`
  const ended = system.runAs(user, 'sh', [
    '-c',
    `echo $$ >${file}; exec ${words.join(' ')} --program ${program}`,
  ])
  await vi.waitFor(async () => {
    const show = ['--user', 'show', '--property=MainPID', '--value', 'agent-mesh']
    const { stdout } = await system.runAs(user, 'systemctl', show)
    expect([0, before]).not.toContain(Number(stdout))
  }, patience)
  expect(await root(program, '--version')).toBe('0.1.3')
  await root('kill', `-${signal}`, await root('cat', file))
  return ended
}

test('Ctrl-C while a new version starts goes back to the one of before, which serves', async () => {
  const { code, stdout, stderr } = await signalled('INT')
  expect(code, stdout + stderr).toBe(130)
  expect(stdout).toContain('went back to 0.1.1, which is ready')
  expect(await status()).toMatchObject({ version: '0.1.1', ready: true })
  const { stdout: left } = await system.run('ls', [`/home/${user.name}/.local/bin/.agent-mesh`])
  expect(left).not.toContain('pending')
})

test('an upgrade that is killed meanwhile converges at the next run', async () => {
  await signalled('KILL')
  expect(await root(program, '--version')).toBe('0.1.3')
  const again = await upgrade('0.1.3', '--program', program, '--ready-within', '3s')
  expect(again.code, again.stdout + again.stderr).toBe(5)
  expect(again.stdout).toContain('went back to 0.1.1, which is ready')
  expect(await status()).toMatchObject({ version: '0.1.1', ready: true })
})

test('the program of another user is not upgraded', async () => {
  const other = '/usr/local/lib/agent-mesh/agent-mesh'
  await root('install', '-D', '--mode=755', `${opt}/0.1.0`, other)
  const refused = await upgrade('0.1.1', '--program', other)
  expect(refused.code, refused.stdout + refused.stderr).toBe(4)
  expect(refused.stdout).toContain('Run it as the user who installed it, or as root.')
})

test('the program of a Debian package is left to its package manager, for root too', async () => {
  const asked = ['upgrade', '--to', '0.1.1', '--from', releases, '--json']
  const refused = await system.run('/usr/bin/agent-mesh', [...asked, '--program', '/usr/bin/agent-mesh'])
  expect(refused.code, refused.stdout + refused.stderr).toBe(7)
  expect(JSON.parse(refused.stdout)).toMatchObject({
    error: {
      code: 'unsupported',
      message: 'Cannot upgrade /usr/bin/agent-mesh: it belongs to a Debian package',
      hint: expect.stringContaining('sudo apt install ./agent-mesh_V_ARCH.deb') as string,
    },
  })
  expect((await system.run('/usr/bin/agent-mesh', ['--version'])).stdout).toBe('0.1.0\n')
})
