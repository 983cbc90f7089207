import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareChains, jwkSigner, signRequest, verifyHead, type PublicJwk } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { foundMesh } from '../../domain/found-mesh.ts'
import { fileKey, makeFileKey } from '../../signer/file-key.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts'
import { keepKeyChain, keptKeyChain } from './key-chain-file.ts'
import { startControlPlane, type ControlPlaneOptions } from './start-control-plane.ts'

const noLog = { debug() {}, info() {}, warn() {}, error() {} }
let data: string
const file = (name: string) => join(data, name)
const start = (options: Partial<ControlPlaneOptions> = {}) =>
  startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, log: noLog, ...options })

async function startAndStop(options: Partial<ControlPlaneOptions> = {}) {
  const plane = await start(options)
  const { peerId, privateJwk } = JSON.parse(await readFile(plane.adminIdentityFile, 'utf8')) as {
    peerId: string
    privateJwk: PublicJwk & { d: string }
  }
  const request = { method: 'GET', url: new URL('/v1/bootstrap', plane.url), body: new Uint8Array() }
  const place = { meshId: plane.meshId, now: Date.now() }
  const authorization = await signRequest(await jwkSigner(peerId, privateJwk), request, place)
  const answer = await fetch(request.url, { headers: { authorization } })
  const bootstrap = (await answer.json()) as { head: unknown }
  const head = await verifyHead(plane.meshId, bootstrap.head as never)
  await plane.stop()
  return { meshId: plane.meshId, head }
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lost-store-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

describe('a data folder that has served a mesh', () => {
  const lost = { code: 'conflict', hint: expect.stringContaining('--empty-store') as unknown }

  test('does not start without its database file, and makes none', async () => {
    await startAndStop()
    await rm(file('control-plane.db'))
    await expect(start()).rejects.toMatchObject(lost)
    await expect(stat(file('control-plane.db'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('does not start on a file whose content was all in a write-ahead log that is lost', async () => {
    await startAndStop()
    await truncate(file('control-plane.db'))
    await expect(start()).rejects.toMatchObject(lost)
  })

  test('does not start on another, empty store, restored or not', async () => {
    await startAndStop()
    await openSqliteStore({ file: file('other.db') }).close()
    const store = `sqlite:${file('other.db')}`
    await expect(start({ store })).rejects.toMatchObject(lost)
    await expect(start({ store, restored: true })).rejects.toMatchObject(lost)
  })

  test.each(['key-chain.json', 'admin-identity.json'])('is known by %s alone', async only => {
    await startAndStop()
    for (const name of ['control-plane.db', 'key-chain.json', 'admin-identity.json'])
      if (name !== only) await rm(file(name))
    await expect(start()).rejects.toMatchObject(lost)
  })

  test('begins in an empty store when told to: with its keys, and numbers that members accept', async () => {
    const before = await startAndStop()
    const startedAt = Date.now()
    await rm(file('control-plane.db'))
    const after = await startAndStop({ emptyStore: true })
    expect(after.meshId).toBe(before.meshId)
    expect(compareChains(before.head.keys, after.head.keys)).toBe('same')
    expect(after.head.numbers.policy).toBeGreaterThanOrEqual(startedAt)
    expect((await startAndStop()).head.numbers.policy).toBe(after.head.numbers.policy)
  })

  test('makes no new authority key for the empty store: members would refuse the fork', async () => {
    await startAndStop()
    for (const name of ['control-plane.db', 'authority-key.json']) await rm(file(name))
    await expect(start({ emptyStore: true })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('starts on a first start that a crash ended before the store held the mesh', async () => {
    await makeFileKey(file('root-key.json'))
    await startAndStop()
  })
})

test('keepKeyChain() refuses a fork: members follow the chain that is kept', async () => {
  const meshId = (await startAndStop()).meshId
  const kept = await readFile(file('key-chain.json'), 'utf8')
  const root = await fileKey(file('root-key.json'))
  const authority = await makeFileKey(file('other-key.json'))
  const store = openSqliteStore({ file: ':memory:' })
  if (root === undefined) throw new Error('the root key is missing')
  const fork = await foundMesh({ store, clock: { now: () => Date.now() }, root, authority })
  await store.close()
  await expect(keepKeyChain(data, fork)).rejects.toMatchObject({ code: 'conflict' })
  expect(await readFile(file('key-chain.json'), 'utf8')).toBe(kept)
  expect((await keptKeyChain(data, meshId))?.current.kid).not.toBe(fork.current.kid)
})
