/** The single file for Windows, in Wine: a member of a mesh whose control plane, relay and other agent run on this system. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'

import { platforms, downloadOf } from '../../cli/build/release/platforms.ts'
import { canTry } from '../support/can-try.ts'
import { lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { versions } from './support/build-releases.ts'
import { openWine, wineFiles, winePackages, type Wine, type WineProcess } from './support/wine.ts'

const canRun = canTry(
  'a member on Windows',
  wineFiles.every(path => existsSync(path)),
  winePackages,
)
/** Wine and the first start, which unpacks the program, are slow. */
const patient = { timeout: 90_000, interval: 500 }

describe.skipIf(!canRun)('a member on Windows', () => {
  let folder: string
  let program: string
  let wine: Wine
  let workshop: Workshop
  let member: WineProcess

  const data = () => wine.path(join(folder, 'data'))
  const command = async (...args: string[]) => wine.run(program, [...args, '--data', data()])
  const jsonOf = (said: string) => JSON.parse(said.split('\n').at(-1) ?? '') as Record<string, unknown>
  const here = (args: string[]) => runCommand([...args, '--data', workshop.folder('linux'), '--json'])

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'windows-'))
    program = join(folder, 'agent-mesh.exe')
    const [platform] = platforms.filter(({ os }) => os === 'win32')
    const download = await readFile(join(inject('releases'), versions[0], downloadOf(platform!)))
    await writeFile(program, gunzipSync(download))
    wine = await openWine(folder)
    workshop = await openWorkshop()
    await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
    const token = async (args: string[]) =>
      String(
        lastJson(await runCommand(['token', 'create', '--json', '--data', workshop.folder('cp'), ...args]))[
          'token'
        ],
      )
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
    await workshop.start('relay', ['relay', '--join', await token(['--role', 'relay']), ...listen])
    await workshop.start('linux', ['up', '--join', await token([]), '--name', 'linux', ...listen])
    const args = ['up', '--join', await token([]), '--name', 'windows', ...listen, '--json']
    member = await wine.start(program, [...args, '--data', data()])
    await vi.waitFor(async () => expect(await member.printed()).toContain('"event":"ready"'), patient)
  })
  afterAll(async () => {
    await wine?.end()
    await workshop?.end()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  test('listens on a pipe, and says how it is', async () => {
    const name = await readFile(join(folder, 'data/agent.sock'), 'utf8')
    expect(name).toMatch(/^\\\\\.\\pipe\\agent-mesh-[0-9a-f]{32}$/)
    expect(jsonOf(await command('status', '--json'))).toMatchObject({ ready: true, name: 'windows' })
  })

  test('no command believes the name of a pipe in a folder whose lock no process has', async () => {
    const other = join(folder, 'other')
    await mkdir(other)
    await writeFile(join(other, 'lock'), '')
    await copyFile(join(folder, 'data/agent.sock'), join(other, 'agent.sock'))
    expect(await wine.run(program, ['status', '--data', wine.path(other)])).toContain('agent-mesh up')
  })

  test('calls, and is called', async () => {
    await vi.waitFor(async () => {
      expect(await command('call', 'host.info', '--peer', 'linux')).toContain('linux')
      expect((await here(['call', 'host.info', '--peer', 'windows'])).stdout).toContain('win32')
    }, patient)
  })

  test('a second process of the folder is refused, and one at Ctrl-C leaves no pipe', async () => {
    expect(await command('up')).toContain('owns it')
    await member.interrupt()
    expect(await readdir(join(folder, 'data'))).not.toContain('agent.sock')
    expect(await command('status')).toContain('agent-mesh up')
  })
})
