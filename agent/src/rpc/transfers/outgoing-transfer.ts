import type { Duplex } from 'node:stream'
import { MeshError, toMeshError, type PipeRequest } from '@agent-mesh/protocol'
import { countBuffers } from '../../core/young-garbage.ts'
import type { BlockSource } from './block-source.ts'
import { chainAfter, emptyChain } from './block-chain.ts'
import { writeBlock, writeEnd, writeFailure } from './records.ts'

/** Of the count of blocks that a receiver sends. */
const countBytes = 4

/** One offer: sent to its receiver from any block on, over one pipe after the other, until the receiver has all. */
export class OutgoingTransfer {
  readonly peerId: string
  readonly #source: BlockSource
  /** Behind so many blocks. */
  readonly #chains: Buffer[] = [emptyChain]
  readonly #onUse: (inUse: boolean) => void
  readonly #onDone: () => void
  #pipe: Duplex | undefined

  /** @param onUse a receiver reads it, or does not any more @param onDone the receiver has all of it */
  constructor(
    peerId: string,
    source: BlockSource,
    { onUse, onDone }: { onUse: (inUse: boolean) => void; onDone: () => void },
  ) {
    this.peerId = peerId
    this.#source = source
    this.#onUse = onUse
    this.#onDone = onDone
  }

  /**
   * Compares what the receiver has. @returns sends the rest over a pipe
   * @throws MeshError conflict when it is no beginning of the source
   */
  async begin({ from = 0, chain }: PipeRequest): Promise<(pipe: Duplex) => Promise<void>> {
    const known = await this.#chainBehind(from)
    if (known.toString('hex') !== (chain ?? emptyChain.toString('hex')))
      throw new MeshError('conflict', `Cannot send the rest behind ${from} blocks: the receiver has others`, {
        hint: 'The source has changed: receive all of it again.',
      })
    return pipe => this.#send(pipe, from)
  }

  /** Sends no more. */
  close(): void {
    this.#pipe?.destroy()
    this.#source.close()
  }

  /** Of a repeatable source, blocks that were not sent yet are read. */
  async #chainBehind(blocks: number): Promise<Buffer> {
    let at = this.#chains.length - 1
    if (blocks > at && this.#source.repeatable)
      for await (const block of this.#source.blocks(at, new AbortController().signal)) {
        this.#link(at++, block)
        if (at === blocks) break
      }
    const chain = this.#chains[blocks]
    if (chain !== undefined) return chain
    throw new MeshError('conflict', `Cannot send the rest behind ${blocks} blocks: there are fewer`)
  }

  /** @returns the chain behind block `at` @throws MeshError conflict when the block was another before */
  #link(at: number, block: Buffer): Buffer {
    const chain = chainAfter(this.#chains[at]!, block)
    const known = (this.#chains[at + 1] ??= chain)
    if (known.equals(chain)) return chain
    throw new MeshError('conflict', `Cannot send the rest: block ${at} of the source has changed`)
  }

  async #send(pipe: Duplex, from: number): Promise<void> {
    // The receiver opens another pipe when it has lost the one before, whose end may not be known here yet.
    this.#pipe?.destroy()
    this.#pipe = pipe
    this.#onUse(true)
    const stop = new AbortController()
    const left = () => stop.abort(new MeshError('path_lost', 'Cannot send the rest: the pipe was closed'))
    pipe.once('close', left)
    const total = Promise.withResolvers<number>()
    const done = readCounts(pipe, total.promise, count => this.#source.received(count))
    try {
      let at = from
      for await (const block of this.#source.blocks(from, stop.signal)) {
        await writeBlock(pipe, block, this.#link(at, block))
        at++
        countBuffers(block.length)
      }
      writeEnd(pipe, this.#chains[at]!)
      pipe.end()
      total.resolve(at)
      await done
      this.#onDone()
    } catch (error) {
      if (stop.signal.aborted) return
      writeFailure(pipe, toMeshError(error, 'internal', 'read what is sent'))
      pipe.end()
    } finally {
      if (this.#pipe === pipe) this.#onUse(false)
    }
  }
}

/** Calls back with each count of the receiver. @returns resolves when it is the total @throws MeshError path_lost */
function readCounts(pipe: Duplex, total: Promise<number>, onCount: (count: number) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => undefined)
  let held = Buffer.alloc(0)
  let all = Infinity
  let last = -1
  const check = (): void => {
    if (last >= all) resolve()
  }
  pipe.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= countBytes) {
      last = held.readUInt32BE()
      held = held.subarray(countBytes)
      onCount(last)
    }
    check()
  })
  pipe.once('close', () => reject(new MeshError('path_lost', 'Cannot send the rest: the pipe was closed')))
  void total.then(blocks => {
    all = blocks
    check()
  })
  return promise
}
