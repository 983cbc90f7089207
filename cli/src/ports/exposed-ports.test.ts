import type { ExposedPort } from '@agent-mesh/agent'
import type { LocalPort } from '@agent-mesh/protocol/local-ports'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { ExposedPorts } from './exposed-ports.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ports-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** The ports of a process that starts in the folder. */
async function started() {
  const open = new Map<string, ExposedPort>()
  const expose = (port: ExposedPort) => {
    open.set(port.name, port)
    return () => void open.delete(port.name)
  }
  const ports = new ExposedPorts({ expose }, folder)
  await ports.restore()
  return { ports, open }
}

const ssh: LocalPort = { name: 'ssh', kind: 'tcp', host: '127.0.0.1', port: 22, allow: ['tag:ops'] }
const web: LocalPort = { name: 'web', kind: 'http', host: '10.0.0.7', port: 3000 }

it('keeps ports for the next start, for the owner alone, and forgets those that are withdrawn', async () => {
  const { ports, open } = await started()
  await Promise.all([ports.add(web), ports.add(ssh), ports.add(ssh)])
  expect(ports.list()).toEqual([ssh, web])
  expect((await stat(join(folder, 'ports.json'))).mode & 0o077).toBe(0)
  expect(open.get('ssh')).toEqual({ name: 'ssh', to: { host: '127.0.0.1', port: 22 }, allow: ['tag:ops'] })

  const next = await started()
  expect([...next.open.keys()].sort()).toEqual(['ssh', 'web'])
  await next.ports.remove('ssh')
  expect([...next.open.keys()]).toEqual(['web'])
  expect((await started()).ports.list()).toEqual([web])
})

it('refuses another target under a name in use, what is not there, and more than 64', async () => {
  const { ports } = await started()
  await ports.add(ssh)
  const conflict = (there: string) => ({
    code: 'conflict',
    message: `Cannot expose ssh: it is ${there} already`,
  })
  await expect(ports.add({ ...ssh, port: 23 })).rejects.toMatchObject(
    conflict('tcp 127.0.0.1:22 for tag:ops'),
  )
  // The same target for other members is another one, too.
  const { allow: _, ...toAll } = ssh
  await expect(ports.add(toAll)).rejects.toMatchObject(conflict('tcp 127.0.0.1:22 for tag:ops'))
  const local: LocalPort = { name: 'local', kind: 'http', host: '::1', port: 80 }
  await ports.add(local)
  await expect(ports.add({ ...local, kind: 'tcp' })).rejects.toThrow('it is http [::1]:80 already')
  await ports.remove('local')
  await expect(ports.remove('none')).rejects.toMatchObject({ code: 'not_found' })
  for (let at = 1; at < 64; at++) await ports.add({ ...ssh, name: `p${at}` })
  await expect(ports.add({ ...ssh, name: 'more' })).rejects.toMatchObject({ code: 'overloaded' })
  expect(ports.list()).toHaveLength(64)
})

it.each(['', '{"ports":[{"name":"../x"}]}', '{"ports":[{"name":"a","kind":"tcp","host":"a b","port":1}]}'])(
  'opens nothing of a file that is not its own: %s',
  async text => {
    await writeFile(join(folder, 'ports.json'), text)
    await expect(started()).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await readFile(join(folder, 'ports.json'), 'utf8')).toBe(text)
  },
)
