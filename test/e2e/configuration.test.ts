import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import {
  commandFile,
  lastJson,
  openWorkshop,
  runCommand,
  type Daemon,
  type Workshop,
} from '../support/command.ts'

const checkout = join(import.meta.dirname, '..', '..')
let workshop: Workshop
let controlPlane: Daemon

const quiet = ['--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0']
const patience = { timeout: 60_000, interval: 50 }

async function token(): Promise<string> {
  const made = await runCommand(['token', 'create', '--json', '--data', controlPlane.data])
  return String(lastJson(made)['token'])
}

/** A service whose answer is `answer`. */
const service = (answer: string) => `
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
export const motd = {
  contract: { name: 'motd', version: 1, methods: { read: { params: z.undefined(), result: z.string() } } },
  handlers: { read: () => ${JSON.stringify(answer)} },
}
`

/** What a process logs, as it comes. */
function logOf({ child }: Daemon): () => Record<string, unknown>[] {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const lines = () => text.slice(0, text.lastIndexOf('\n') + 1).trimEnd()
  return () =>
    lines() === ''
      ? []
      : lines()
          .split('\n')
          .map(line => JSON.parse(line) as Record<string, unknown>)
}

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop.end())

describe('a configuration file', () => {
  it('starts an agent, gives way to the environment, and that to the command line', async () => {
    const file = workshop.folder('agent.yaml')
    await writeFile(workshop.folder('join-token'), await token())
    await writeFile(
      file,
      'up:\n  join: "@join-token"\n  name: of-file\n  mdns: false\n  listen: [/ip4/127.0.0.1/tcp/0]\n  region: r1\n',
    )
    const daemon = await workshop.start('agent', ['up', '--region', 'r3', '--config', file], undefined, {
      AGENT_MESH_NAME: 'of-environment',
      AGENT_MESH_REGION: 'r2',
    })
    expect(daemon.ready['name']).toBe('of-environment')
    const status = lastJson(await runCommand(['status', '--json'], { AGENT_MESH_DATA: daemon.data }))
    expect(status).toMatchObject({ name: 'of-environment', region: 'r3' })
    await daemon.end()
  })

  it('is checked: every fault with line and column, exit code 2', async () => {
    const file = workshop.folder('bad.yaml')
    await writeFile(file, 'up:\n  drain: soon\n  nmae: x\n')
    const checked = await runCommand(['config', 'check', file])
    expect(checked.code).toBe(2)
    expect(checked.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/bad\.yaml:2:10: up\.drain is "soon"/),
      expect.stringMatching(/bad\.yaml:3:3: there is no setting nmae of up/),
    ])
    const started = await runCommand(['up', '--config', file, '--data', workshop.folder('none')])
    expect(started.code).toBe(2)
    expect(started.stderr).toContain('line 2, column 10')
    expect((await runCommand(['config', 'check', workshop.folder('missing.yaml')])).code).toBe(7)
    await writeFile(file, 'up:\n  drain: 5s\n')
    expect((await runCommand(['config', 'check'], { AGENT_MESH_CONFIG: file })).code).toBe(0)
  })
})

describe.skipIf(process.platform === 'win32')('SIGHUP', () => {
  it('reloads log level and services, says what needs a restart, and keeps all when the file is wrong', async () => {
    const [file, module] = [workshop.folder('reload.yaml'), workshop.folder('motd.ts')]
    await writeFile(module, service('first'))
    await writeFile(file, 'up:\n  serve: [motd.ts]\n  log-level: warn\n')
    const daemon = await workshop.start('live', ['up', '--config', file, '--join', await token(), ...quiet])
    const log = logOf(daemon)
    const ask = async () => lastJson(await runCommand(['call', 'motd.read', '--json', '--data', daemon.data]))
    const hangUp = async (msg: string, count: number) => {
      daemon.child.kill('SIGHUP')
      const reloads = () =>
        log().filter(line => line['name'] === 'reload' && String(line['msg']).startsWith(msg))
      await vi.waitFor(() => expect(reloads()).toHaveLength(count), patience)
      return reloads().at(-1)
    }
    expect(await ask()).toMatchObject({ value: 'first' })

    await writeFile(module, service('second'))
    await utimes(module, new Date(), new Date(Date.now() + 5_000))
    await writeFile(file, 'up:\n  serve: [motd.ts]\n  log-level: info\n  region: r1\n')
    expect(await hangUp('reloaded', 1)).toMatchObject({ changed: ['log-level'], needRestart: ['region'] })
    expect(await ask()).toMatchObject({ value: 'second' })

    await writeFile(file, 'up:\n  log-level: loud\n')
    expect(await hangUp('not reloaded', 1)).toMatchObject({
      err: { message: expect.stringContaining('line 2, column 14') as string },
    })
    await writeFile(module, 'export const broken =')
    await utimes(module, new Date(), new Date(Date.now() + 10_000))
    await writeFile(file, 'up:\n  serve: [motd.ts]\n')
    await hangUp('not reloaded', 2)
    expect(await ask()).toMatchObject({ value: 'second' })

    await writeFile(file, '')
    expect(await hangUp('reloaded', 2)).toMatchObject({ needRestart: [] })
    expect(await ask()).not.toHaveProperty('value')
    expect(await daemon.end()).toEqual([0, null])
  })

  it('is harmless to a process that nohup started, also to a control plane and without a file', async () => {
    const data = workshop.folder('nohup')
    const output = workshop.folder('nohup.out')
    const line = `nohup "$0" "$1" control-plane --listen 127.0.0.1:0 --data "$2" --json >"$3" 2>&1 & echo $!`
    const shell = spawn('sh', ['-c', line, process.execPath, commandFile, data, output])
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer]
    const nohup = Number(pid.toString())
    try {
      const said = (text: string) => async () => expect(await readFile(output, 'utf8')).toContain(text)
      await vi.waitFor(said('"event":"ready"'), patience)
      process.kill(nohup, 'SIGHUP')
      await vi.waitFor(said('reloaded'), patience)
      expect((await runCommand(['status', '--data', data])).code).toBe(0)
    } finally {
      process.kill(nohup, 'SIGTERM')
      // Else it writes into the folder while that is removed.
      await vi.waitFor(() => expect(() => process.kill(nohup, 0)).toThrow('ESRCH'), patience)
    }
  })
})
