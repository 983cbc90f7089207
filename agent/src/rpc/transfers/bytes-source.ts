import { transferLimits } from '@agent-mesh/protocol'
import type { BlockSource } from './block-source.ts'

const { blockBytes } = transferLimits

/** Bytes in memory; not to be changed while they are offered. */
export class BytesSource implements BlockSource {
  readonly name = undefined
  readonly repeatable = true
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get bytes(): number {
    return this.#bytes.length
  }

  async *blocks(from: number): AsyncGenerator<Buffer, void> {
    for (let at = from * blockBytes; at < this.#bytes.length; at += blockBytes)
      yield this.#bytes.subarray(at, at + blockBytes)
  }

  received(): void {}

  close(): void {}
}
