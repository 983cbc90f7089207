/** deploy.sh systemd over a real OpenSSH server: real members, replaced host by host. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sshMissing } from '../support/ssh-server.ts'
import { SshMesh } from './support/ssh-mesh.ts'

/** On a busy machine too, ms. */
const limit = 900_000

describe.skipIf(sshMissing() !== undefined)('deploy.sh systemd', () => {
  let mesh: SshMesh

  beforeAll(async () => {
    const broken = "if (process.argv.includes('control-plane')) process.exit(2);"
    mesh = await SshMesh.start({ versions: { '0.1.0': '', '0.1.1': '', '0.1.2': broken }, first: '0.1.0' })
  }, limit)

  afterAll(() => mesh?.end())

  const allRun = (version: string) => Object.fromEntries(mesh.names.map(name => [name, version]))

  it(
    'says what it would do, and does nothing, with --dry-run',
    async () => {
      const { code, said } = await mesh.deploy('systemd', '--version', '0.1.1', '--dry-run')
      expect(code, said).toBe(0)
      expect(said).toContain('plan: replace relay relay-1')
      expect(await mesh.versions()).toEqual(allRun('0.1.0'))
    },
    limit,
  )

  it(
    'replaces relays, then the control plane, then agents, and calls through each relay',
    async () => {
      const { code, said } = await mesh.deploy('systemd', '--version', '0.1.1')
      expect(code, said).toBe(0)
      const order = [...said.matchAll(/ replace \S+ (\S+)$/gm)].map(([, name]) => name)
      expect(order.slice(-5)).toEqual(['relay-1', 'relay-2', 'control-1', 'agent-1', 'agent-2'])
      expect(await mesh.versions()).toEqual(allRun('0.1.1'))
      expect(said).toContain('backup 127.0.0.1:')
    },
    limit,
  )

  it(
    'leaves nothing of the smoke test: no member, no folder',
    async () => {
      const { members } = JSON.parse(await mesh.ask('control-1', 'members', 'list', '--json')) as {
        members: { name: string }[]
      }
      const files = await readdir(join(mesh.folder, 'agent-1', 'data'))
      const left = [...members.map(({ name }) => name), ...files]
      expect(left.filter(name => name.includes('smoke'))).toEqual([])
    },
    limit,
  )

  it(
    'goes back everywhere from a version that does not get ready on one host',
    async () => {
      const { code, said } = await mesh.deploy('systemd', '--version', '0.1.2')
      expect([code, said]).toEqual([1, expect.stringContaining('went back to 0.1.1')])
      expect(await mesh.versions()).toEqual(allRun('0.1.1'))
    },
    limit,
  )

  it(
    'goes back at Ctrl-C in the middle of an upgrade',
    async () => {
      const { interrupt, ended } = mesh.begin('systemd', '--version', '0.1.0')
      await expect.poll(() => mesh.started('relay-1'), { timeout: 300_000 }).toBe('0.1.0')
      interrupt()
      const { code, said } = await ended
      expect([code, said]).toEqual([1, expect.stringContaining('failed: Error: ended by SIGINT')])
      expect(await mesh.versions()).toEqual(allRun('0.1.1'))
    },
    limit,
  )

  it(
    'refuses a version that there is not, and a mesh of which a part is stopped',
    async () => {
      const unknown = await mesh.deploy('systemd', '--version', '7.0.0')
      expect([unknown.code, unknown.said]).toEqual([3, expect.stringContaining('there is no release 7.0.0')])
      await mesh.stop('agent-2')
      const { code, said } = await mesh.deploy('systemd', '--version', '0.1.0')
      expect([code, said]).toEqual([3, expect.stringContaining('no service runs on agent-2')])
    },
    limit,
  )
})
