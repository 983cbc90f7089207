import { createSecureContext, type SecureContext } from 'node:tls'
import type { PrivateKey } from '@libp2p/interface'
import { makeCertificate } from './peer-certificate.ts'

/** One certificate for all connections of a node: making one costs as much as a handshake, and it proves the same key. */
export class OwnCertificate {
  readonly #privateKey: PrivateKey
  #context: Promise<SecureContext> | undefined
  /** When that was made, unix ms: it is valid from an hour before that, so one made by a clock that was ahead must be made again. */
  #madeAt = 0

  constructor(privateKey: PrivateKey) {
    this.#privateKey = privateKey
  }

  /** The TLS 1.3 context with the certificate. */
  context(): Promise<SecureContext> {
    const now = Date.now()
    if (now < this.#madeAt) this.#context = undefined
    if (this.#context === undefined) this.#madeAt = now
    this.#context ??= makeCertificate(this.#privateKey)
      .then(pair => createSecureContext({ ...pair, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' }))
      .catch((error: unknown) => {
        this.#context = undefined
        throw error
      })
    return this.#context
  }
}
