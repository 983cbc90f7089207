/** `agent-mesh service` under a real systemd, which starts the built command as its unit says. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { LocalMesh } from '../support/local-mesh.ts'
import { BootedSystem } from './support/booted-system.ts'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..')
const data = '/var/lib/agent-mesh/default'

let folder: string
let mesh: LocalMesh
let system: BootedSystem

/** The command and Node as an installation puts them. */
async function installedFiles(): Promise<string> {
  const opt = join(folder, 'opt')
  await mkdir(join(opt, 'bin'), { recursive: true })
  await run(process.execPath, [join(checkout, 'cli/build/build.ts'), 'command', join(opt, 'command')])
  await cp(process.execPath, join(opt, 'bin/node'))
  await run('chmod', ['-R', 'a+rX', folder])
  return opt
}

const command = (...args: string[]) =>
  system.run('/opt/agent-mesh/bin/node', ['/opt/agent-mesh/command/bin/agent-mesh.js', ...args])

const json = ({ stdout, stderr }: { stdout: string; stderr: string }): Record<string, unknown> => {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`no JSON: ${stdout}${stderr}`)
  return JSON.parse(line) as Record<string, unknown>
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-'))
  mesh = await LocalMesh.start()
  system = await BootedSystem.boot({ [await installedFiles()]: '/opt/agent-mesh' })
})
afterAll(async () => {
  await system?.end()
  await mesh?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('what is not installed has no status, no logs, and need not be removed', async () => {
  expect((await command('service', 'status')).code).toBe(7)
  expect((await command('service', 'logs')).code).toBe(7)
  expect(json(await command('service', 'uninstall', '--json'))).toMatchObject({ removed: false })
})

test('an installed agent joins, is ready when the command ends, and runs as a user of its own', async () => {
  const token = await mesh.token()
  const args = ['--json', 'service', 'install', '--join', token, '--', '--name', 'web-1', '--no-mdns']
  const installed = await command(...args)
  expect(installed.stderr).toBe('')
  expect(json(installed)).toMatchObject({ service: 'agent-mesh', data, changed: true, started: true })
  expect(json(await command('--data', data, 'status', '--json'))).toMatchObject({
    ready: true,
    name: 'web-1',
  })
  const state = json(await command('service', 'status', '--json'))
  expect(state).toMatchObject({ running: true, restarts: 0 })
  const { stdout: user } = await system.run('stat', ['--format=%u', `/proc/${String(state['pid'])}`])
  expect(Number(user)).toBeGreaterThan(0)
})

test('installing it again changes and restarts nothing', async () => {
  const before = json(await command('service', 'status', '--json'))
  const again = json(await command('--json', 'service', 'install', '--', '--name', 'web-1', '--no-mdns'))
  expect(again).toMatchObject({ changed: false })
  expect(json(await command('service', 'status', '--json'))['pid']).toBe(before['pid'])
})

test('an agent that is killed is started again, and its log says so', async () => {
  const { pid } = json(await command('service', 'status', '--json'))
  await system.run('kill', ['-9', String(pid)])
  await vi.waitFor(
    async () => {
      const state = json(await command('service', 'status', '--json'))
      expect(state).toMatchObject({ running: true, restarts: 1 })
      expect(state['pid']).not.toBe(pid)
    },
    { timeout: 60_000, interval: 100 },
  )
  expect((await command('--data', data, 'status', '--wait', '20s')).code).toBe(0)
  expect((await command('service', 'logs', '--lines', '50')).stdout).toMatch(/status=9\/KILL/)
})

test('a reload, a stop and a boot of the system work as systemd means them', async () => {
  expect((await system.run('systemctl', ['reload', 'agent-mesh'])).code).toBe(0)
  expect((await system.run('systemctl', ['stop', 'agent-mesh'])).code).toBe(0)
  expect((await command('service', 'status')).code).toBe(3)
  expect((await system.run('systemctl', ['is-enabled', 'agent-mesh'])).stdout.trim()).toBe('enabled')
  expect((await system.run('systemctl', ['start', 'agent-mesh'])).code).toBe(0)
  expect(json(await command('--data', data, 'status', '--json'))).toMatchObject({ ready: true })
})

test('options that it refuses at its start are refused once, not started again and again', async () => {
  const began = performance.now()
  const installed = await command('--context', 'wrong', 'service', 'install', '--', '--watch')
  expect(installed).toMatchObject({ code: 6, stdout: '' })
  expect(installed.stderr).toContain('service logs')
  // It does not wait for an agent that has ended.
  expect(performance.now() - began).toBeLessThan(50_000)
  const logs = await command('--context', 'wrong', 'service', 'logs')
  expect(logs.stdout).toContain('no module is served')
  const { stdout } = await system.run('systemctl', ['show', '--property=NRestarts', 'agent-mesh-wrong'])
  expect(stdout.trim()).toBe('NRestarts=0')
  await command('--context', 'wrong', 'service', 'uninstall')
})

test('a service that is removed has stopped, and its data folder stays', async () => {
  expect(json(await command('service', 'uninstall', '--json'))).toMatchObject({ removed: true })
  expect((await command('service', 'status')).code).toBe(7)
  expect((await system.run('systemctl', ['is-active', 'agent-mesh'])).stdout.trim()).toBe('inactive')
  expect((await system.run('ls', [join(data, 'member.db')])).code).toBe(0)
})

test('its unit is without warnings, and exposes little', async () => {
  const { stdout, stderr } = await command('service', 'install', '--root', '/image')
  expect(stdout + stderr).toContain('/image/etc/systemd/system/agent-mesh.service')
  const unit = '/image/etc/systemd/system/agent-mesh.service'
  const verified = await system.run('systemd-analyze', ['verify', unit])
  expect(verified).toMatchObject({ code: 0, stderr: '' })
  // Exposure of 2.0, of 10.
  const security = ['security', '--offline=true', '--threshold=20', '--no-pager', unit]
  expect((await system.run('systemd-analyze', security)).stdout).toMatch(/Overall exposure level.*OK/)
  const { code } = await system.run('systemd-analyze', security)
  expect(code).toBe(0)
})
