import { KMSClient } from '@aws-sdk/client-kms'
import { MeshError } from '@agent-mesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startKmsStandIn, type KmsStandIn } from '../../../test/support/kms-stand-in.ts'
import { keyAbsentMs, keySettleMs } from '../defaults.ts'
import { rotateAuthority } from '../operator/rotate-mesh-key.ts'
import { kmsKey, kmsSignerOf } from '../signer/kms-key.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { foundMesh } from './found-mesh.ts'
import { keyring, readKeyChain } from './keyring.ts'

let kms: KmsStandIn
let client: KMSClient
beforeAll(async () => {
  kms = await startKmsStandIn({ keys: 3 })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = new KMSClient({ endpoint: kms.url, region: 'us-east-1', credentials, maxAttempts: 1 })
})
afterAll(async () => {
  client.destroy()
  await kms.stop()
})

/** A mesh whose first key took over from the root key, and the ring of a Lambda with some of the keys in KMS. */
async function mesh() {
  let now = Date.UTC(2026, 0, 1)
  const clock = { now: () => now }
  const store = openSqliteStore({ file: ':memory:', clock })
  const [rootId = '', firstId = '', secondId = ''] = kms.keyIds
  const [root, first, second] = await Promise.all([rootId, firstId, secondId].map(id => kmsKey(id, client)))
  if (root === undefined || first === undefined || second === undefined) throw new Error('no keys')
  const { meshId } = await foundMesh({ store, clock, root, authority: first })
  const ringOf = async (...keyIds: string[]) => {
    const keys = await readKeyChain(store.headParts, meshId)
    if (keys === undefined) throw new Error('no mesh')
    const signerOf = kmsSignerOf(keyIds, client)
    const open = (kid: string) =>
      signerOf(kid).catch((error: unknown) => {
        if (error instanceof MeshError && error.code === 'conflict') return undefined
        throw error
      })
    return keyring({ store, clock, keys, open })
  }
  const rotate = (revoke: boolean) =>
    rotateAuthority({ store, clock, next: second, own: [first], root: revoke ? root : undefined })
  return { first, second, firstId, secondId, ringOf, rotate, wait: (ms: number) => (now += ms), store, clock }
}

const asked = (): number => kms.asked.get('GetPublicKey') ?? 0

/** Key id in the header of a signed document. */
const signedBy = (jws: string): string => {
  const header = Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()
  return (JSON.parse(header) as { kid: string }).kid
}

test('with both keys signing goes on through a rotation, and through the revocation of the old one', async () => {
  const { first, second, firstId, secondId, ringOf, rotate, wait } = await mesh()
  const ring = await ringOf(firstId, secondId)
  await rotate(false)
  await ring.refresh()
  expect((await ring.pick()).kid).toBe(first.signer.kid)
  wait(keySettleMs)
  expect((await ring.pick()).kid).toBe(second.signer.kid)
  await rotate(true)
  await ring.refresh()
  expect((await ring.pick()).kid).toBe(second.signer.kid)
  // The next deployment names the new key alone.
  expect((await (await ringOf(secondId)).pick()).kid).toBe(second.signer.kid)
})

test('a key that is not its own is not looked for at each signature, and each key is read once', async () => {
  const { first, firstId, ringOf, rotate, wait } = await mesh()
  await rotate(false)
  wait(keySettleMs)
  const ring = await ringOf(firstId)
  const before = asked()
  for (let i = 0; i < 10; i++) expect((await ring.pick()).kid).toBe(first.signer.kid)
  expect(asked() - before).toBe(1)
})

test('a key that comes later is found a minute later, at once where none can sign', async () => {
  const { first, second, rotate, wait, store, clock } = await mesh()
  await rotate(false)
  wait(keySettleMs)
  const { meshId } = await foundMesh({
    store,
    clock,
    root: await kmsKey(kms.keyId, client),
    authority: first,
  })
  const keys = await readKeyChain(store.headParts, meshId)
  if (keys === undefined) throw new Error('no mesh')
  const here = new Set([first.signer])
  const ring = keyring({
    ...{ store, clock, keys },
    open: kid => Promise.resolve([...here].find(signer => signer.kid === kid)),
  })
  expect((await ring.pick()).kid).toBe(first.signer.kid)
  here.add(second.signer)
  expect((await ring.pick()).kid).toBe(first.signer.kid)
  wait(keyAbsentMs)
  expect((await ring.pick()).kid).toBe(second.signer.kid)

  const poor = new Set<typeof first.signer>()
  const other = keyring({
    ...{ store, clock, keys },
    open: kid => Promise.resolve([...poor].find(signer => signer.kid === kid)),
  })
  await expect(other.pick()).rejects.toMatchObject({ code: 'unavailable' })
  poor.add(second.signer)
  expect((await other.pick()).kid).toBe(second.signer.kid)
})

test('a key that KMS does not show stops no other', async () => {
  const { first, firstId } = await mesh()
  const signerOf = kmsSignerOf(['no-such-key', firstId], client)
  expect((await signerOf(first.signer.kid)).kid).toBe(first.signer.kid)
  await expect(signerOf('another')).rejects.toMatchObject({ code: 'unavailable' })
  await expect(kmsSignerOf([firstId], client)('another')).rejects.toMatchObject({ code: 'conflict' })
})

test('a key that is disabled before it was opened leaves signing to its predecessor, and signs once it is enabled', async () => {
  const { first, second, firstId, secondId, ringOf, rotate, wait } = await mesh()
  await rotate(false)
  wait(keySettleMs)
  kms.disable(secondId)
  const ring = await ringOf(firstId, secondId)
  expect((await ring.pick()).kid).toBe(first.signer.kid)
  const before = asked()
  expect(signedBy(await ring.signer.sign('head+jws', new Uint8Array(3)))).toBe(first.signer.kid)
  expect(asked() - before).toBe(0)
  kms.enable(secondId)
  wait(keyAbsentMs)
  expect(signedBy(await ring.signer.sign('head+jws', new Uint8Array(3)))).toBe(second.signer.kid)
})

test('a key that is disabled after it has signed leaves signing to its predecessor, and is asked once a minute', async () => {
  const { first, second, firstId, secondId, ringOf, rotate, wait } = await mesh()
  await rotate(false)
  wait(keySettleMs)
  const ring = await ringOf(firstId, secondId)
  const sign = async () => signedBy(await ring.signer.sign('head+jws', new Uint8Array(3)))
  expect(await sign()).toBe(second.signer.kid)
  kms.disable(secondId)
  const before = kms.asked.get('Sign') ?? 0
  for (let i = 0; i < 3; i++) expect(await sign()).toBe(first.signer.kid)
  // Three by the first key, and one in vain.
  expect((kms.asked.get('Sign') ?? 0) - before).toBe(4)
  kms.enable(secondId)
  wait(keyAbsentMs)
  expect(await sign()).toBe(second.signer.kid)
})

test('where all keys are disabled it fails with what KMS says, and signs as soon as one is enabled', async () => {
  const { second, firstId, secondId, ringOf, rotate, wait } = await mesh()
  await rotate(false)
  wait(keySettleMs)
  for (const id of [firstId, secondId]) kms.disable(id)
  const ring = await ringOf(firstId, secondId)
  await expect(ring.pick()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('is disabled'),
  })
  for (const id of [firstId, secondId]) kms.enable(id)
  expect((await ring.pick()).kid).toBe(second.signer.kid)
})

test('a revoked key signs in no case, though the other is disabled', async () => {
  const { firstId, secondId, ringOf, rotate } = await mesh()
  await rotate(true)
  kms.disable(secondId)
  const ring = await ringOf(firstId, secondId)
  await expect(ring.signer.sign('head+jws', new Uint8Array(3))).rejects.toMatchObject({ code: 'unavailable' })
  kms.enable(secondId)
})
