/** The web certificate of a `/wss` listener: PEM files, which an ACME client replaces before they expire. */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { MeshError } from '@agent-mesh/protocol'
import { transportDefaults } from '../defaults.ts'

export interface CertificateFiles {
  /** PEM file of the certificate and of what signed it. */
  cert: string
  /** PEM file of its private key, without a passphrase. */
  key: string
}

export interface WebCertificateInit extends CertificateFiles {
  /** The files changed and hold no valid certificate: the previous one stays in use. */
  onError?: (error: unknown) => void
  /** Monotonic milliseconds. */
  now?: () => number
}

export class WebCertificate {
  readonly #init: WebCertificateInit
  readonly #now: () => number
  #context: SecureContext
  /** Times and sizes of the files when they were last read. */
  #version: string
  #lookedAt: number

  /** @throws MeshError invalid_argument when the files are no certificate with its key */
  constructor(init: WebCertificateInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
    this.#lookedAt = this.#now()
    try {
      this.#version = versionOf(init)
      this.#context = read(init)
    } catch (cause) {
      throw unreadable(init, cause)
    }
  }

  /** The TLS context for a new connection. Checks the files again after `certificateLookMs`. */
  context(): SecureContext {
    const now = this.#now()
    if (now - this.#lookedAt < transportDefaults.certificateLookMs) return this.#context
    this.#lookedAt = now
    try {
      const version = versionOf(this.#init)
      if (version !== this.#version) {
        this.#context = read(this.#init)
        this.#version = version
      }
    } catch (cause) {
      // Between the writes of the two files, key and certificate do not match.
      this.#init.onError?.(unreadable(this.#init, cause))
    }
    return this.#context
  }
}

const versionOf = ({ cert, key }: CertificateFiles): string =>
  [cert, key]
    .map(file => statSync(file))
    .map(({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`)
    .join(' ')

const read = ({ cert, key }: CertificateFiles): SecureContext =>
  createSecureContext({ cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' })

function unreadable({ cert, key }: CertificateFiles, cause: unknown): MeshError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot use certificate ${cert} with key ${key}: ${reason}`, {
    cause,
    hint: 'Both are PEM files that this user can read; the certificate comes first, then its issuers.',
  })
}
