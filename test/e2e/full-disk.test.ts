import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lastJson, runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { namespacesMissing, SmallDisk } from '../support/small-disk.ts'

describe.skipIf(namespacesMissing() !== undefined)('a control plane on a full disk', () => {
  let folder: string
  let disk: SmallDisk
  let url: string
  const at = (...args: string[]) => runCommand([...args, '--data', disk.path(), '--json'])
  const start = () => disk.start('control-plane', '--listen', new URL(url).host)
  const ready = async () => (await fetch(`${url}/ready`)).status
  const full = { error: { code: 'unavailable', message: expect.stringContaining('disk full') as unknown } }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'full-disk-'))
    url = `http://127.0.0.1:${await freePort()}`
    disk = await SmallDisk.mount(join(folder, 'disk'), 6)
  })
  afterEach(async () => {
    await disk.unmount()
    await rm(folder, { recursive: true })
  })

  test('serves reads, says so everywhere, and goes on by itself once there is room', async () => {
    expect((await start()).said).toMatchObject({ event: 'ready' })
    await disk.fill()
    expect(lastJson(await at('token', 'create'))).toMatchObject(full)
    expect(await ready()).toBe(503)
    expect((await fetch(`${url}/v1/bootstrap`)).status).toBe(200)
    expect(lastJson(await at('token', 'list'))).toMatchObject({ tokens: [expect.anything()] })
    const warnings = [expect.stringMatching(/disk full.*control-plane\.db/) as unknown]
    expect(lastJson(await at('status'))).toMatchObject({ ready: false, warnings })
    const doctor = await runCommand(['doctor', '--data', disk.path()])
    expect(doctor.stdout).toMatch(/disk full/)

    await disk.free()
    await vi.waitFor(async () => expect(await ready()).toBe(200), 10_000)
    expect(lastJson(await at('token', 'create'))).toHaveProperty('token')
    expect(lastJson(await at('status'))).toMatchObject({ ready: true, warnings: [] })
  })

  test('starts, serves reads, and shares its file again once there is room', async () => {
    await (await start()).end()
    await disk.fill()
    const { said, end } = await start()
    expect(said).toMatchObject({ event: 'ready' })
    expect((await fetch(`${url}/v1/bootstrap`)).status).toBe(200)
    expect(await ready()).toBe(503)
    expect(lastJson(await at('token', 'create'))).toMatchObject(full)

    await disk.free()
    expect(lastJson(await at('token', 'create'))).toHaveProperty('token')
    expect(await ready()).toBe(200)
    await end()
    for (const name of (await readdir(disk.path())).filter(name => name.endsWith('.json')))
      expect((await stat(disk.path(name))).size, name).toBeGreaterThan(0)
  })

  test('says at its first start that the disk is full', async () => {
    await disk.fill()
    expect((await start()).said).toMatchObject(full)
    await disk.free()
    expect((await start()).said).toMatchObject({ event: 'ready' })
  })
})
