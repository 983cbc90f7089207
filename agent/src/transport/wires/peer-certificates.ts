/**
 * The peers that certificates of libp2p's TLS belong to. What one proves never changes, and a member shows the same one on all its
 * connections: a certificate that was verified is known by its hash, so that a peer that connects again costs no signature
 * checks. TLS itself checks each time that the peer holds the certificate's key.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import { transportDefaults } from '../defaults.ts'
import { verifyCertificate } from './peer-certificate.ts'

interface Verified {
  readonly peerId: PeerId
  /** Unix ms. */
  readonly from: number
  readonly to: number
}

export interface PeerCertificatesInit {
  /** Certificates remembered, a count. @default transportDefaults.knownCertificates */
  most?: number
  /** Unix ms. @default Date.now */
  now?: () => number
  /** @default verifyCertificate */
  verify?: typeof verifyCertificate
}

export class PeerCertificates {
  readonly #most: number
  readonly #now: () => number
  readonly #verify: typeof verifyCertificate
  /** By the hash of the certificate, the one used longest ago first. */
  readonly #known = new Map<string, Verified>()

  constructor({ most, now, verify }: PeerCertificatesInit = {}) {
    this.#most = most ?? transportDefaults.knownCertificates
    this.#now = now ?? Date.now
    this.#verify = verify ?? verifyCertificate
  }

  /** The peer that made this certificate. @throws Error as {@link verifyCertificate} */
  async peerOf(certificate: X509Certificate, expected: PeerId | undefined): Promise<PeerId> {
    const hash = createHash('sha256').update(certificate.raw).digest('base64')
    const known = this.#known.get(hash)
    const now = this.#now()
    if (known !== undefined && now >= known.from && now <= known.to && fits(known.peerId, expected)) {
      this.#remember(hash, known)
      return known.peerId
    }
    const peerId = await this.#verify(certificate, expected)
    this.#remember(hash, {
      peerId,
      from: Date.parse(certificate.validFrom),
      to: Date.parse(certificate.validTo),
    })
    return peerId
  }

  #remember(hash: string, verified: Verified): void {
    this.#known.delete(hash)
    this.#known.set(hash, verified)
    if (this.#known.size <= this.#most) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

const fits = (peerId: PeerId, expected: PeerId | undefined): boolean =>
  expected === undefined || expected.equals(peerId)
