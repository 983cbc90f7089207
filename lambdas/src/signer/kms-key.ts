/** An authority key in KMS: it signs there and never leaves. */
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms'
import {
  MeshError,
  publicJwkField,
  parse,
  thumbprintOf,
  toMeshError,
  type Signer,
} from '@agent-mesh/protocol'
import { createHash, createPublicKey } from 'node:crypto'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { rawSignature } from './raw-signature.ts'

/**
 * Opens a key of spec ECC_NIST_P256 for ES256.
 * @param keyId id, ARN or alias
 * @throws MeshError unavailable when KMS does not answer, invalid_argument when the key is of another kind
 */
export async function kmsKey(keyId: string, client = new KMSClient()): Promise<AuthorityKey> {
  const { PublicKey } = await asMeshError(
    'read authority key',
    client.send(new GetPublicKeyCommand({ KeyId: keyId })),
  )
  const jwk = publicJwkOf(keyId, PublicKey)
  const kid = await thumbprintOf(jwk)
  return { jwk, signer: kmsSigner(client, keyId, kid) }
}

function publicJwkOf(keyId: string, der: Uint8Array | undefined) {
  const key = createPublicKey({ key: Buffer.from(der ?? []), format: 'der', type: 'spki' })
  const { kty, crv, x, y } = key.export({ format: 'jwk' })
  return parse(publicJwkField, { kty, crv, x, y }, `use KMS key ${keyId}`)
}

/** Signs without fetching the public half first. @param kid thumbprint of the key, e.g. of the key chain */
export const kmsSigner = (client: KMSClient, KeyId: string, kid: string): Signer => ({
  kid,
  sign: async (typ, payload) => {
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ, kid })).toString('base64url')
    const signed = `${header}.${Buffer.from(payload).toString('base64url')}`
    const command = new SignCommand({
      KeyId,
      Message: createHash('sha256').update(signed).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    })
    const { Signature } = await asMeshError(`sign ${typ}`, client.send(command))
    if (Signature === undefined)
      throw new MeshError('unavailable', `Cannot sign ${typ}: KMS sent no signature`)
    return `${signed}.${Buffer.from(rawSignature(Signature)).toString('base64url')}`
  },
})

const asMeshError = async <T>(action: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    throw toMeshError(error, 'unavailable', action)
  }
}

/**
 * The signers of the keys in KMS that this process may sign with. Their ids are fetched once.
 * @throws MeshError conflict for a key that is none of them, unavailable when KMS does not answer
 */
export function kmsSignerOf(
  keyIds: readonly string[],
  client = new KMSClient(),
): (kid: string) => Promise<Signer> {
  const opened = new Map<string, Promise<AuthorityKey>>()
  const open = (id: string): Promise<AuthorityKey> => {
    const key = opened.get(id) ?? kmsKey(id, client)
    opened.set(id, key)
    key.catch(() => opened.delete(id))
    return key
  }
  return async kid => {
    // A key that was disabled must not stop the one that signs.
    const keys = await Promise.allSettled(keyIds.map(id => open(id)))
    for (const key of keys)
      if (key.status === 'fulfilled' && key.value.signer.kid === kid) return key.value.signer
    for (const key of keys) if (key.status === 'rejected') throw key.reason
    throw new MeshError('conflict', `Cannot sign: authority key ${kid} is none of ${keyIds.join()}`, {
      hint: 'Name its KMS key in the setting authorityKeyArn.',
    })
  }
}
