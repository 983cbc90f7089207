/** A machine without Node, as a chroot: install with install.sh, join, call, upgrade, downgrade. */
import { createReadStream } from 'node:fs'
import { appendFile, cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'

import { canTry } from '../support/can-try.ts'
import { bareRoot } from './support/bare-root.ts'
import { versions } from './support/build-releases.ts'

const run = promisify(execFile)
const [first, second] = versions
const mostBytes = 130e6
const program = '/usr/local/bin/agent-mesh'
const canChroot = canTry(
  'the single file',
  process.platform === 'linux' && process.arch === 'x64' && process.getuid?.() === 0,
  'Linux on x64, and root for a chroot',
)

describe.skipIf(!canChroot)('the single file, where there is no Node', () => {
  let machine: Awaited<ReturnType<typeof bareRoot>>
  let server: Server
  const url = (folder: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${folder}`

  beforeAll(async () => {
    machine = await bareRoot()
    server = createServer(({ url: path = '/' }, response) => {
      const file = createReadStream(join(inject('releases'), path))
      file.on('error', () => response.writeHead(404).end()).pipe(response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    await cp(join(inject('releases'), first, 'install.sh'), join(machine.root, 'tmp/install.sh'))
  })
  afterAll(async () => {
    server.close()
    await machine.end()
  })

  const install = (folder: string) => machine.run('sh', ['/tmp/install.sh', '--from', url(folder)])
  /** With an empty PATH. */
  const command = async (...args: string[]) => (await machine.run(program, args, '')).stdout.trim()

  test('is installed without Node, and has at most 130 MB', async () => {
    expect((await install(first)).stdout).toContain(`agent-mesh ${first} is ${program}`)
    const { size } = await stat(join(machine.root, program))
    console.log(`single file: ${(size / 1e6).toFixed(1)} MB`)
    expect(size).toBeLessThan(mostBytes)
    const { stdout, stderr } = await machine.run(program, ['--version'], '')
    expect([stdout, stderr]).toEqual([`${first}\n`, ''])
  })

  test('keeps the program when the download is not what SHA256SUMS says', async () => {
    await cp(join(inject('releases'), second), join(inject('releases'), 'damaged'), { recursive: true })
    await appendFile(join(inject('releases'), 'damaged', `agent-mesh-linux-${process.arch}.gz`), 'x')
    await expect(install('damaged')).rejects.toThrow(/the checksum of agent-mesh-linux-\w+\.gz is \w+, not/)
    expect(await command('--version')).toBe(first)
  })

  test('runs the demo, whose processes are the same file', async () => {
    const lines = (await command('demo', '--once', '--json')).split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ members: 7, calls: { failed: 0 } })
  })

  test('joins and calls, stays a member over an upgrade and a downgrade', async () => {
    const controlPlane = await machine.start([
      'control-plane',
      '--listen',
      '127.0.0.1:0',
      '--data',
      '/root/cp',
    ])
    const made = await command('token', 'create', '--uses', '2', '--json', '--data', '/root/cp')
    const { token } = JSON.parse(made) as { token: string }
    const up = (name: string) =>
      machine.start([
        'up',
        '--join',
        token,
        '--name',
        name,
        '--listen',
        '/ip4/127.0.0.1/tcp/0',
        '--data',
        `/root/${name}`,
      ])
    const other = await up('other')
    let agent = await up('one')
    const { peerId } = agent.ready
    const answers = () =>
      vi.waitFor(
        async () =>
          expect(await command('call', 'host.info', '--peer', 'other', '--data', '/root/one')).toContain(
            'linux',
          ),
        {
          timeout: 20_000,
        },
      )
    await answers()
    for (const version of [second, first]) {
      await install(version)
      // The file of a process that runs was replaced: it does not notice.
      await answers()
      await agent.stop()
      agent = await up('one')
      expect(agent.ready['peerId']).toBe(peerId)
      expect(await command('--version')).toBe(version)
      await answers()
    }
    for (const one of [agent, other, controlPlane]) await one.stop()
  })
})

test.skipIf(!canChroot)('the Debian package has the same program', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'debian-'))
  try {
    const architecture = (await run('dpkg', ['--print-architecture'])).stdout.trim()
    const file = join(inject('releases'), second, `agent-mesh_${second}_${architecture}.deb`)
    await run('dpkg-deb', ['--extract', file, folder])
    const env = { PATH: '', CACHE_DIRECTORY: join(folder, 'cache') }
    expect((await run(join(folder, 'usr/bin/agent-mesh'), ['--version'], { env })).stdout.trim()).toBe(second)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the bill of materials names what is bundled, SHA256SUMS every file', async () => {
  const release = join(inject('releases'), first)
  const bill = JSON.parse(await readFile(join(release, 'agent-mesh.cdx.json'), 'utf8')) as {
    bomFormat: string
    components: { name: string; licenses: object[] }[]
  }
  const names = bill.components.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['libp2p', '@libp2p/webrtc', 'node-datachannel', 'zod', 'node']),
  )
  expect(names).not.toContain('vitest')
  expect(bill.components.filter(({ licenses }) => licenses.length === 0)).toEqual([])
  await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: release })
})
