/** Keys of members of a test mesh: made of their names, so that they are the same in each run. */
import { createHash, createPrivateKey, sign } from 'node:crypto'
import type { Signer } from '@agent-mesh/protocol/jws'
import { peerIdOfJwk } from '@agent-mesh/protocol/peer-id'

/** An Ed25519 private key in PKCS #8 (RFC 8410) is this and 32 bytes of seed. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface MemoryIdentity {
  readonly peerId: string
  /** Signs what it publishes, at once: a thread of its own would take a time that no test knows. */
  readonly signer: Signer
}

export function memoryIdentity(name: string): MemoryIdentity {
  const seed = createHash('sha256').update(name).digest()
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const { x } = key.export({ format: 'jwk' })
  const peerId = peerIdOfJwk({ kty: 'OKP', crv: 'Ed25519', x: String(x) })
  const signed: Signer['sign'] = async (typ, payload) => {
    const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ, kid: peerId }))
    const text = `${header.toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
    return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`
  }
  return { peerId, signer: { kid: peerId, sign: signed } }
}
