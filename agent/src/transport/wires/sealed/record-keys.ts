/**
 * The keys of sealed records: one for each direction, exported from the TLS 1.3 handshake (RFC 8446, 7.5), so that only the
 * two ends that proved their certificates to each other have them. The nonce of a record is its number, mixed with an
 * initial value as TLS 1.3 does (RFC 8446, 5.3).
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

const keyBytes = 32
const nonceBytes = 12
const label = 'EXPORTER-agent-mesh-sealed-records'
const nextKeyLabel = 'agent-mesh next key'

/**
 * Records sealed by one key, a count: 128 GiB at most. AES-GCM stays far from its limits (draft-irtf-cfrg-aead-limits; TLS
 * changes the key after 2^24.5 records of 16 KiB).
 */
const recordsPerKey = 2 ** 20

/** Key and nonce of one record; the nonce is overwritten by the next. */
export interface RecordKey {
  /** Not its bytes: to make an object of them takes Node as long as to seal 16 KiB. */
  readonly key: KeyObject
  readonly nonce: Buffer
}

/** The keys of one direction, record by record. */
export class RecordKeys {
  readonly #recordsPerKey: number
  readonly #nonce = Buffer.alloc(nonceBytes)
  #secret: Buffer
  #key: KeyObject
  #records = 0

  /** @param secret key and initial value, 44 bytes */
  constructor(secret: Buffer, perKey = recordsPerKey) {
    this.#secret = secret
    this.#key = createSecretKey(secret.subarray(0, keyBytes))
    this.#recordsPerKey = perKey
  }

  /** Of the next record: no two records of a direction have the same key and nonce. */
  next(): RecordKey {
    if (this.#records === this.#recordsPerKey) this.#change()
    const secret = this.#secret
    secret.copy(this.#nonce, 0, keyBytes)
    // Below 2^32: only the last four bytes differ.
    this.#nonce.writeUInt32BE((secret.readUInt32BE(keyBytes + 8) ^ this.#records++) >>> 0, 8)
    return { key: this.#key, nonce: this.#nonce }
  }

  #change(): void {
    const bytes = keyBytes + nonceBytes
    this.#secret = Buffer.from(hkdfSync('sha256', this.#secret, Buffer.alloc(0), nextKeyLabel, bytes))
    this.#key = createSecretKey(this.#secret.subarray(0, keyBytes))
    this.#records = 0
  }
}

export interface ConnectionKeys {
  /** Of what this end sends. */
  readonly sealing: RecordKeys
  /** Of what it receives. */
  readonly opening: RecordKeys
}

/** @param socket after its handshake, TLS 1.3 @throws Error when it speaks an older TLS, whose exported keys prove less */
export function connectionKeys(socket: TLSSocket, isServer: boolean): ConnectionKeys {
  if (socket.getProtocol() !== 'TLSv1.3')
    throw new Error(`sealed records need TLS 1.3, not ${String(socket.getProtocol())}`)
  const each = keyBytes + nonceBytes
  const exported = socket.exportKeyingMaterial(2 * each, label, Buffer.alloc(0))
  const [client, server] = [exported.subarray(0, each), exported.subarray(each)].map(
    secret => new RecordKeys(secret),
  ) as [RecordKeys, RecordKeys]
  return isServer ? { sealing: server, opening: client } : { sealing: client, opening: server }
}
