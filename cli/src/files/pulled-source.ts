/**
 * A file of a command on this machine, read block by block over its connection to the agent: the command may read what the agent cannot,
 * and a folder of one user may be another one to a service.
 *
 *   agent -> command   message: the offer; then u32 for each block that it wants
 *   command -> agent   for each a record of a transfer (protocol/src/transfer.ts) whose chain is zero; empty: there is no such block
 */
import type { Duplex } from 'node:stream'

import type { BlockSource, TransferOffer } from '@agent-mesh/agent'
import { writeMessage } from '@agent-mesh/agent/rpc/pipes/handshake'
import { blockBuffer } from '@agent-mesh/agent/rpc/transfers/fetch-blocks'
import { RecordReader } from '@agent-mesh/agent/rpc/transfers/records'
import { MeshError } from '@agent-mesh/protocol/errors'

export class PulledSource implements BlockSource {
  readonly repeatable = true
  readonly bytes: number
  readonly name = undefined
  #pipe: Duplex | undefined
  #records: RecordReader | undefined
  /** One question at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** Tells the command what is offered, and asks it from now on. */
  attach(pipe: Duplex, offer: TransferOffer): void {
    pipe.on('error', () => {})
    this.#pipe = pipe
    this.#records = new RecordReader(pipe)
    writeMessage(pipe, offer)
  }

  async *blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    for (let at = from; ; at++) {
      signal.throwIfAborted()
      const block = await this.#next(at)
      if (block.length === 0) return
      yield block
    }
  }

  received(): void {}

  close(): void {
    this.#pipe?.end()
  }

  #next(at: number): Promise<Buffer> {
    const asked = this.#turn.then(() => this.#ask(at))
    this.#turn = asked.catch(() => undefined)
    return asked
  }

  async #ask(at: number): Promise<Buffer> {
    const [pipe, records] = [this.#pipe, this.#records]
    try {
      if (pipe === undefined || records === undefined || pipe.destroyed) throw ended()
      const number = Buffer.allocUnsafe(4)
      number.writeUInt32BE(at)
      pipe.write(number)
      return (await records.next(blockBuffer())).bytes
    } catch (error) {
      // Of its loss no other link helps.
      throw error instanceof MeshError && error.code !== 'path_lost' ? error : ended()
    }
  }
}

const ended = () => new MeshError('cancelled', 'Cannot send: the command that reads the file has ended')
