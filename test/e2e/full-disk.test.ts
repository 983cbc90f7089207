import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'
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
    await vi.waitFor(async () => expect(await ready()).toBe(200), 30_000)
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

describe.skipIf(namespacesMissing() !== undefined)('an agent on a full disk', () => {
  let workshop: Workshop
  let disk: SmallDisk
  let folder: string
  let controlPlane: Daemon
  let caller: Daemon
  const at = (...args: string[]) => runCommand([...args, '--data', disk.path(), '--json'])
  const quiet = ['--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0']
  const token = async () =>
    String(lastJson(await runCommand(['token', 'create', '--json', '--data', controlPlane.data]))['token'])
  const status = async () => lastJson(await at('status'))
  const full = {
    ready: false,
    warnings: expect.arrayContaining([expect.stringMatching(/disk full.*member\.db/)]) as unknown,
  }
  const callable = async () => {
    const ran = await runCommand([
      'call',
      'host.info',
      '--peer',
      'small',
      '--timeout',
      '10s',
      '--data',
      caller.data,
    ])
    expect(ran.code).toBe(0)
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'full-disk-'))
    disk = await SmallDisk.mount(join(folder, 'disk'), 4)
    workshop = await openWorkshop()
    controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
    caller = await workshop.start('caller', ['up', '--join', await token(), ...quiet])
  })
  afterEach(async () => {
    await disk.unmount()
    await workshop.end()
    await rm(folder, { recursive: true })
  })

  test('says so, restarts, can be reached, and writes what it learnt once there is room', async () => {
    const up = ['up', '--name', 'small', ...quiet]
    const first = await disk.start(...up, '--join', await token())
    expect(first.said).toMatchObject({ event: 'ready' })
    await disk.fill()
    expect(await status()).toMatchObject(full)
    await vi.waitFor(callable, { timeout: 60_000, interval: 200 })
    await first.end()

    const again = await disk.start(...up)
    expect(again.said).toMatchObject({ event: 'ready' })
    expect(await status()).toMatchObject(full)
    await vi.waitFor(callable, { timeout: 60_000, interval: 200 })

    await disk.free()
    await vi.waitFor(async () => expect(await status()).toMatchObject({ ready: true }), {
      timeout: 60_000,
      interval: 200,
    })
    await again.end()
    for (const name of (await readdir(disk.path())).filter(name => /json$|db$/.test(name)))
      expect((await stat(disk.path(name))).size, name).toBeGreaterThan(0)
    expect((await disk.start(...up)).said).toMatchObject({ event: 'ready' })
    await vi.waitFor(callable, { timeout: 60_000, interval: 200 })
  }, 400_000)

  test('does not spend a token when it joins', async () => {
    const join = await token()
    await disk.fill()
    const up = ['up', '--name', 'small', '--join', join, ...quiet]
    expect((await disk.start(...up)).said).toMatchObject({
      error: { code: 'unavailable', message: expect.stringContaining('disk full') as unknown },
    })
    await disk.free()
    expect((await disk.start(...up)).said).toMatchObject({ event: 'ready' })
  })
})

describe.skipIf(namespacesMissing() !== undefined)('a file that is received on a full disk', () => {
  test('fails with a typed error, and is continued once there is room', async () => {
    const mesh = await LocalMesh.start()
    const disk = await SmallDisk.mount(mesh.data('disk'), 6)
    try {
      const agent = await mesh.agent({ name: 'agent' })
      const bytes = randomBytes(4 * 1024 * 1024)
      await writeFile(disk.path('filler'), Buffer.alloc(4 * 1024 * 1024))
      const to = disk.path('received')
      const save = async () => agent.receive(await agent.send('agent', bytes)).saveTo(to)
      expect(await refusal(save())).toMatch(/unavailable: Cannot save .*received: disk full/)
      expect((await readdir(disk.path())).sort()).toEqual(['.received.mesh-part', 'filler'])
      await disk.free()
      expect(await save()).toBe(bytes.length)
      expect(Buffer.compare(await readFile(to), bytes)).toBe(0)
    } finally {
      await disk.unmount()
      await mesh.stop()
    }
  })
})
