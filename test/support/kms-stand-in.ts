/**
 * Answers the two questions that the control plane asks KMS, as KMS does: a public key in DER, and ECDSA signatures in
 * DER over a digest. For tests of the signer and measurements; `npm run test:aws` asks the KMS of an emulator.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { p256 } from '@noble/curves/nist.js'

export interface KmsStandIn {
  readonly url: string
  readonly keyId: string
  stop(): Promise<void>
}

const keyId = '00000000-0000-4000-8000-000000000001'

export async function startKmsStandIn(): Promise<KmsStandIn> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as { KeyId: string; Message?: string }
    const operation = String(request.headers['x-amz-target']).split('.')[1]
    const reply = body.KeyId === keyId ? answer(operation, body.Message, publicKey, privateKey) : undefined
    response.writeHead(reply === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(
      JSON.stringify(reply ?? { __type: 'NotFoundException', message: `Key ${body.KeyId} does not exist` }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    keyId,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(
  operation: string | undefined,
  message: string | undefined,
  open: KeyObject,
  secret: KeyObject,
) {
  if (operation === 'GetPublicKey')
    return { KeyId: keyId, PublicKey: open.export({ format: 'der', type: 'spki' }).toString('base64') }
  if (operation !== 'Sign') return undefined
  const { d = '' } = secret.export({ format: 'jwk' })
  const digest = Buffer.from(message ?? '', 'base64')
  // node:crypto signs only what it has hashed itself.
  const signature = p256.sign(digest, Buffer.from(d, 'base64url'), { prehash: false, format: 'der' })
  return { KeyId: keyId, Signature: Buffer.from(signature).toString('base64') }
}
