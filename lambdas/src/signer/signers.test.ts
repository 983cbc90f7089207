import { signDocument, verifyDocument, type DocumentType } from '@agent-mesh/protocol'
import { KMSClient } from '@aws-sdk/client-kms'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

import { startKmsStandIn, type KmsStandIn } from '../../../test/support/kms-stand-in.ts'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { fileKey, makeFileKey } from './file-key.ts'
import { kmsKey } from './kms-key.ts'

const schema = z.looseObject({ number: z.number() })
let folder = ''
let kms: KmsStandIn
let client: KMSClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signer-'))
  kms = await startKmsStandIn()
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = new KMSClient({ endpoint: kms.url, region: 'us-east-1', credentials, maxAttempts: 1 })
})

afterAll(async () => {
  client.destroy()
  await kms.stop()
  await rm(folder, { recursive: true, force: true })
})

const adapters: Record<string, () => Promise<AuthorityKey>> = {
  'a file': async () =>
    (await fileKey(join(folder, 'key.json'))) ?? (await makeFileKey(join(folder, 'key.json'))),
  KMS: () => kmsKey(kms.keyId, client),
}

describe.each(Object.entries(adapters))('an authority key in %s', (_, open) => {
  const verify = (jws: string, typ: DocumentType, { jwk, signer }: AuthorityKey) =>
    verifyDocument(jws, {
      typ,
      schema,
      maxBytes: 10_000,
      keyOf: kid => {
        if (kid === signer.kid) return jwk
        throw new Error(`no key ${kid}`)
      },
    })

  it('signs what its public half verifies, again and again', async () => {
    const key = await open()
    // Half of all P-256 numbers need a leading zero in DER, one in 256 is shorter: forty meet both kinds of length.
    for (let number = 0; number < 40; number++) {
      const jws = await signDocument(key.signer, 'policy+jws', { number })
      expect((await verify(jws, 'policy+jws', key)).claims).toEqual({ number })
    }
  })

  it('signs under the type it is told, which passes for no other', async () => {
    const key = await open()
    const jws = await signDocument(key.signer, 'relays+jws', { number: 1 })
    await expect(verify(jws, 'policy+jws', key)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('is the same key when it is opened again', async () => {
    const [one, other] = [await open(), await open()]
    expect(one.signer.kid).toBe(other.signer.kid)
    const jws = await signDocument(one.signer, 'head+jws', { number: 1 })
    expect((await verify(jws, 'head+jws', other)).kid).toBe(one.signer.kid)
  })
})

describe('KMS', () => {
  it('that does not have the key is told by name', async () => {
    await expect(kmsKey('another', client)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('Cannot read authority key') as string,
    })
  })
})
