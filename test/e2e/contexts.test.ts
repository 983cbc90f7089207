import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon
/** The admin's machine, and another one. */
let here: NodeJS.ProcessEnv
let there: NodeJS.ProcessEnv

const json = async (env: NodeJS.ProcessEnv, ...args: string[]) =>
  lastJson(await runCommand([...args, '--json'], env))

beforeAll(async () => {
  workshop = await openWorkshop()
  here = { XDG_DATA_HOME: workshop.folder('here') }
  there = { XDG_DATA_HOME: workshop.folder('there') }
  controlPlane = await workshop.start('here/agent-mesh/cp', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop.end())

describe('agent-mesh context', () => {
  it('use chooses what commands mean; environment and options win over it', async () => {
    expect(await json(here, 'context', 'show')).toMatchObject({ name: 'default', chosenBy: 'default' })
    await json(here, 'context', 'use', 'cp')
    expect(await json(here, 'context', 'show')).toMatchObject({
      name: 'cp',
      chosenBy: 'use',
      holds: ['mesh', 'admin'],
    })
    expect(await json(here, 'status')).toMatchObject({ kind: 'control-plane' })
    const other = { ...here, AGENT_MESH_CONTEXT: 'other' }
    expect(await json(other, 'context', 'show')).toMatchObject({ name: 'other', chosenBy: 'environment' })
    expect(await json(other, 'context', 'show', '--context', 'cp')).toMatchObject({ chosenBy: 'option' })
    const { contexts } = (await json(here, 'context', 'list')) as {
      contexts: { name: string; current: boolean }[]
    }
    expect(contexts).toMatchObject([{ name: 'cp', current: true }])
  })

  it('use says that the chosen context holds nothing', async () => {
    const unused = { XDG_DATA_HOME: workshop.folder('unused') }
    expect((await runCommand(['context', 'use', 'typo'], unused)).stdout).toContain('It holds nothing yet')
    expect((await runCommand(['context', 'use', 'cp'], here)).stdout).not.toContain('nothing')
  })

  it('export and import make another machine administer the mesh, with a key sealed by a passphrase', async () => {
    const [file, secret] = [workshop.folder('admin.json'), workshop.folder('passphrase')]
    await writeFile(secret, 'correct horse battery\n')
    const exporting = ['context', 'export', '--context', 'cp', '--out', file, '--passphrase-file', secret]
    expect(await json(here, ...exporting)).toMatchObject({
      error: { hint: expect.stringContaining('--url') as string },
    })
    const url = String(controlPlane.ready['url'])
    expect(await json(here, ...exporting, '--url', url)).toMatchObject({ sealed: true, url })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const identity = JSON.parse(await readFile(`${controlPlane.data}/admin-identity.json`, 'utf8')) as {
      privateJwk: { d: string }
    }
    expect(await readFile(file, 'utf8')).not.toContain(identity.privateJwk.d)
    expect((await runCommand([...exporting, '--url', url], here)).code).toBe(8)

    const importing = ['context', 'import', file, '--context', 'prod', '--passphrase-file', secret]
    await writeFile(secret, 'wrong horse battery')
    expect((await runCommand(importing, there)).code).toBe(4)
    await writeFile(secret, 'correct horse battery')
    expect(await json(there, ...importing)).toMatchObject({ meshId: controlPlane.ready['meshId'] })
    expect((await runCommand(importing, there)).code).toBe(0)
    expect(await json(there, 'token', 'create', '--context', 'prod')).toHaveProperty('token')
    const data = `${there['XDG_DATA_HOME']}/agent-mesh/prod`
    for (const name of ['admin-identity.json', 'context.json'])
      expect((await stat(`${data}/${name}`)).mode & 0o777).toBe(0o600)
  })

  it('export asks for no passphrase where nobody can answer, and writes a key in clear text only when told', async () => {
    const exporting = ['context', 'export', '--context', 'cp', '--url', 'https://mesh.example.com']
    expect(await json(here, ...exporting)).toMatchObject({
      error: { hint: expect.stringContaining('--passphrase-file') as string },
    })
    expect(await json(here, ...exporting, '--plain')).not.toHaveProperty('seal')
  })

  it('remove refuses what runs and the keys of a mesh, and removes the rest', async () => {
    expect((await runCommand(['context', 'remove', 'cp', '--yes'], here)).code).toBe(4)
    expect((await runCommand(['context', 'remove', 'cp', '--yes', '--force'], here)).code).toBe(8)
    expect((await runCommand(['context', 'remove', 'none', '--yes'], here)).code).toBe(7)
    expect((await runCommand(['context', 'remove', 'none'], here)).code).toBe(7)
    expect((await runCommand(['context', 'remove', '../cp', '--yes', '--force'], here)).code).toBe(2)
    const plain = await json(
      here,
      'context',
      'export',
      '--context',
      'cp',
      '--url',
      'https://m.example',
      '--plain',
    )
    const file = workshop.folder('plain.json')
    await writeFile(file, JSON.stringify(plain))
    await json(here, 'context', 'import', file, '--context', 'extra')
    expect(await json(here, 'context', 'remove', 'extra', '--yes')).toMatchObject({
      holds: ['admin'],
      removed: true,
    })
    expect(existsSync(`${here['XDG_DATA_HOME']}/agent-mesh/extra`)).toBe(false)
  })
})
