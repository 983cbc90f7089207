/**
 * Answers the two questions that the control plane asks KMS, as KMS does: a public key in DER, and ECDSA signatures in
 * DER over a digest. For tests of the signer and measurements; `npm run test:aws` asks the KMS of an emulator.
 */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { p256 } from '@noble/curves/nist.js'

export interface KmsStandIn {
  readonly url: string
  /** The first of its keys. */
  readonly keyId: string
  readonly keyIds: readonly string[]
  /** How often each operation was asked for. */
  readonly asked: ReadonlyMap<string, number>
  /** From now on a key neither signs nor shows its public half, as KMS has it. */
  disable(keyId: string): void
  enable(keyId: string): void
  stop(): Promise<void>
}

const firstKeyId = '00000000-0000-4000-8000-000000000001'

export async function startKmsStandIn({ keys = 1 } = {}): Promise<KmsStandIn> {
  const keyIds = Array.from({ length: keys }, (_, index) => `${firstKeyId.slice(0, -1)}${index + 1}`)
  const pairs = new Map(keyIds.map(id => [id, generateKeyPairSync('ec', { namedCurve: 'P-256' })]))
  const asked = new Map<string, number>()
  const disabled = new Set<string>()
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as { KeyId: string; Message?: string }
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    asked.set(operation, (asked.get(operation) ?? 0) + 1)
    const pair = pairs.get(body.KeyId)
    const isDisabled = disabled.has(body.KeyId)
    const reply = isDisabled
      ? undefined
      : pair && { KeyId: body.KeyId, ...answer(operation, body.Message, pair) }
    const refusal = isDisabled
      ? { __type: 'DisabledException', message: `${body.KeyId} is disabled.` }
      : { __type: 'NotFoundException', message: `Key ${body.KeyId} does not exist` }
    response.writeHead(reply === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(reply ?? refusal))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    keyId: firstKeyId,
    keyIds,
    asked,
    disable: keyId => void disabled.add(keyId),
    enable: keyId => void disabled.delete(keyId),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(
  operation: string,
  message: string | undefined,
  { publicKey, privateKey }: KeyPairKeyObjectResult,
): { PublicKey: string } | { Signature: string } | undefined {
  if (operation === 'GetPublicKey')
    return { PublicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') }
  if (operation !== 'Sign') return undefined
  const { d = '' } = privateKey.export({ format: 'jwk' })
  const digest = Buffer.from(message ?? '', 'base64')
  // node:crypto signs only what it has hashed itself.
  const signature = p256.sign(digest, Buffer.from(d, 'base64url'), { prehash: false, format: 'der' })
  return { Signature: Buffer.from(signature).toString('base64') }
}
