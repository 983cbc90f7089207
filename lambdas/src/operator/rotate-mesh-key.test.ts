import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KMSClient } from '@aws-sdk/client-kms'
import { verifyHead } from '@agent-mesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startKmsStandIn, type KmsStandIn } from '../../../test/support/kms-stand-in.ts'
import { keySettleMs } from '../defaults.ts'
import { changeFeed } from '../domain/change-feed.ts'
import { foundMesh, type AuthorityKey } from '../domain/found-mesh.ts'
import { headService } from '../domain/head.ts'
import { keyring } from '../domain/keyring.ts'
import { makeFileKey } from '../signer/file-key.ts'
import { kmsKey } from '../signer/kms-key.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { rotateAuthority } from './rotate-mesh-key.ts'

let folder: string
let clouds: KmsStandIn[]
let client: KMSClient[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rotate-'))
  clouds = [await startKmsStandIn(), await startKmsStandIn(), await startKmsStandIn()]
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = clouds.map(({ url: endpoint }) => new KMSClient({ endpoint, region: 'us-east-1', credentials }))
})
afterAll(async () => {
  for (const cloud of clouds) await cloud.stop()
  await rm(folder, { recursive: true })
})

test('keys in KMS take over from each other: planned, and by the root when one was stolen', async () => {
  let now = Date.UTC(2026, 0, 1)
  const clock = { now: () => now }
  const store = openSqliteStore({ file: join(folder, 'mesh.db'), clock })
  const [first, second, third] = (await Promise.all(
    clouds.map(({ keyId }, index) => kmsKey(keyId, client[index])),
  )) as [AuthorityKey, AuthorityKey, AuthorityKey]
  const root = await makeFileKey(join(folder, 'root.json'))
  const keys = await foundMesh({ store, clock, root, authority: first })
  /** The mesh in the deployed functions, with one key of KMS. */
  const head = async (own: AuthorityKey) => {
    const open = (kid: string) => Promise.resolve(kid === own.signer.kid ? own.signer : undefined)
    const ring = keyring({ store, clock, keys, open })
    await ring.refresh()
    const mesh = { meshId: keys.meshId, keys: ring.keys, signer: ring.signer, ring, store, clock }
    const { signed } = headService({ ...mesh, changes: changeFeed() })
    return verifyHead(keys.meshId, await signed())
  }
  const planned = { store, clock, next: second, own: [first], root: undefined }
  const { signsAt } = await rotateAuthority(planned)
  expect(signsAt).toBe(now + keySettleMs)
  expect((await head(first)).signedBy).toBe(first.signer.kid)
  now = signsAt
  await rotateAuthority(planned)
  expect(await head(second)).toMatchObject({ signedBy: second.signer.kid, numbers: { keys: 2, policy: 2 } })
  // The functions of the old deployment run until they are replaced.
  expect((await head(first)).signedBy).toBe(first.signer.kid)

  const { revoked } = await rotateAuthority({ store, clock, next: third, own: [second], root })
  expect(revoked).toEqual([first.signer.kid, second.signer.kid])
  expect((await head(third)).signedBy).toBe(third.signer.kid)
  await expect(head(second)).rejects.toMatchObject({ code: 'unavailable' })
  await store.close()
})
