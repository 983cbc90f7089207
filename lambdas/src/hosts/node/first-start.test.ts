import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts'
import { prepareFolder } from './first-start.ts'
import { startControlPlane, type ControlPlaneOptions } from './start-control-plane.ts'

const noLog = { debug() {}, info() {}, warn() {}, error() {} }
let root: string
let data: string
let taken: Server
const start = (options: Partial<ControlPlaneOptions> = {}) =>
  startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, log: noLog, ...options })
const onTakenPort = () =>
  start({ listen: { host: '127.0.0.1', port: (taken.address() as AddressInfo).port } })
const contents = async () => (await readdir(root, { recursive: true })).sort()

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'first-start-'))
  data = join(root, 'data')
  taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  taken.close()
  await rm(root, { recursive: true, force: true })
})

describe('a control plane that cannot listen', () => {
  test('begins no mesh and makes no folder', async () => {
    await expect(onTakenPort()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('another process has the port') as string,
    })
    expect(await contents()).toEqual([])
  })

  test('leaves the folder of a mesh as it is', async () => {
    const plane = await start()
    const { meshId } = plane
    await plane.stop()
    const before = await contents()
    await expect(onTakenPort()).rejects.toMatchObject({ code: 'conflict' })
    expect(await contents()).toEqual(before)
    const again = await start()
    expect(again.meshId).toBe(meshId)
    await again.stop()
  })
})

describe('a first start that fails after it listens', () => {
  test('leaves nothing behind, and what was there before', async () => {
    await mkdir(data)
    await writeFile(join(data, 'notes.txt'), 'mine')
    // The fault is found after the database and the first key are made.
    await mkdir(join(data, 'authority-key.json'))
    const before = await contents()
    await expect(start()).rejects.toThrow()
    expect(await contents()).toEqual(before)
  })

  test('of a store that cannot be opened leaves nothing behind', async () => {
    await mkdir(data)
    await writeFile(join(data, 'control-plane.db'), 'this is no database')
    const before = await contents()
    await expect(start()).rejects.toThrow()
    expect(await contents()).toEqual(before)
  })

  test('keeps the keys when the store is elsewhere: it may hold their mesh', async () => {
    const store = `sqlite:${join(root, 'elsewhere.db')}`
    await mkdir(data)
    await openSqliteStore({ file: join(root, 'elsewhere.db') }).close()
    const plane = await start({ store })
    await plane.stop()
    await rm(join(data, 'key-chain.json'))
    await expect(onTakenPort()).rejects.toMatchObject({ code: 'conflict' })
    expect(await contents()).toContain('data/root-key.json')
  })
})

describe('first starts at the same moment in one folder', () => {
  test('leave the keys and the store of the one that succeeds', async () => {
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => start()))
    const running = starts.filter(each => each.status === 'fulfilled').map(({ value }) => value)
    for (const plane of running) await plane.stop()
    const again = await start()
    await again.stop()
    for (const { meshId } of running) expect(meshId).toBe(again.meshId)
  })

  test('leave the mesh that another start made before this one failed', async () => {
    const undo = await prepareFolder(data, { kind: 'sqlite', file: join(data, 'control-plane.db') })
    const other = await start()
    await undo(new Error('disk full'))
    await other.stop()
    const again = await start()
    await again.stop()
    expect(again.meshId).toBe(other.meshId)
  })
})

describe('the folder of an admin whose mesh runs elsewhere', () => {
  test('begins no mesh under that key, and stays as it is', async () => {
    await mkdir(data)
    await writeFile(join(data, 'admin-identity.json'), '{}', { mode: 0o600 })
    await writeFile(join(data, 'context.json'), '{}')
    const before = await contents()
    await expect(start()).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot start control plane: ${data} administers a mesh that runs elsewhere`,
    })
    expect(await contents()).toEqual(before)
  })
})
