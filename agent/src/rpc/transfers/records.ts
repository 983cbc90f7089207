/** What a sender writes: blocks with their chain, the end, or why it cannot continue. Layout: protocol/src/transfer.ts. */
import type { Duplex } from 'node:stream'
import { isErrorCode, MeshError, parseJson, pipeLimits, transferLimits } from '@agent-mesh/protocol'
import { encodeMessage, lengthBytes } from '../../transport/message-stream.ts'
import * as z from 'zod/mini'
import { untilTaken } from '../pipes/until-taken.ts'

const { blockBytes, chainBytes } = transferLimits
const failed = 0xffff_ffff

const failureSchema = z.looseObject({
  code: z.string().check(z.maxLength(63)),
  message: z.string().check(z.maxLength(pipeLimits.textChars)),
})

const headOf = (length: number, chain: Uint8Array = new Uint8Array(0)): Buffer => {
  const head = Buffer.allocUnsafe(lengthBytes + chain.length)
  head.writeUInt32BE(length)
  head.set(chain, lengthBytes)
  return head
}

/** @throws MeshError path_lost */
export async function writeBlock(pipe: Duplex, block: Buffer, chain: Uint8Array): Promise<void> {
  pipe.write(headOf(block.length, chain))
  if (!pipe.write(block)) await untilTaken(pipe, 'drain')
}

export function writeEnd(pipe: Duplex, chain: Uint8Array): void {
  pipe.write(headOf(0, chain))
}

export function writeFailure(pipe: Duplex, { code, message }: MeshError): void {
  pipe.write(headOf(failed))
  pipe.write(encodeMessage({ code, message: message.slice(0, pipeLimits.textChars) }))
}

/** Reads them. */
export class RecordReader {
  readonly #chunks: AsyncIterator<Buffer>
  readonly #head = Buffer.allocUnsafe(lengthBytes)
  #chunk: Buffer = Buffer.alloc(0)

  constructor(pipe: Duplex) {
    this.#chunks = (pipe as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  /**
   * @param block is filled @returns the bytes of it that were, none at the end, and the chain behind them
   * @throws MeshError what the sender says, path_lost, protocol_error
   */
  async next(block: Buffer): Promise<{ bytes: Buffer; chain: Buffer }> {
    const length = (await this.#exactly(this.#head)).readUInt32BE()
    if (length === failed) throw await this.#failure()
    if (length > blockBytes)
      throw new MeshError(
        'protocol_error',
        `Cannot receive a block of ${length} bytes: the limit is ${blockBytes}`,
      )
    const chain = await this.#exactly(Buffer.allocUnsafe(chainBytes))
    return { bytes: await this.#exactly(block.subarray(0, length)), chain }
  }

  async #failure(): Promise<MeshError> {
    const length = (await this.#exactly(this.#head)).readUInt32BE()
    if (length > pipeLimits.messageBytes)
      throw new MeshError('protocol_error', `Cannot receive an error of ${length} bytes`)
    const text = (await this.#exactly(Buffer.allocUnsafe(length))).toString('utf8')
    const { code, message } = parseJson(failureSchema, text, 'receive a block', 'protocol_error')
    return new MeshError(isErrorCode(code) ? code : 'application', message, { told: true })
  }

  async #exactly(target: Buffer): Promise<Buffer> {
    for (let at = 0; at < target.length;) {
      if (this.#chunk.length === 0) {
        const next = await this.#chunks.next()
        if (next.done === true)
          throw new MeshError('path_lost', 'Cannot receive the rest: the pipe has ended')
        this.#chunk = next.value
      }
      const taken = this.#chunk.copy(target, at)
      this.#chunk = this.#chunk.subarray(taken)
      at += taken
    }
    return target
  }
}
