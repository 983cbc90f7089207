import type { Duplex } from 'node:stream'
import type { TransferOffer } from '@agent-mesh/protocol'
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { emptyChain } from './block-chain.ts'
import { transferDefaults } from './defaults.ts'
import { blockBuffer, fetchBlocks, type FetchBlocksInit } from './fetch-blocks.ts'
import type { ReceiveOptions } from './transfer-options.ts'
import { saveFile } from './save-file.ts'

/** The clock that patience is measured by. @default that of the process */
export interface TransferClock {
  startTimer?: StartTimer
  /** Monotonic ms. */
  now?: () => number
}

/**
 * What another member sends, to be read once: saved to a file, or iterated. A lost link costs at most one block of 1 MiB again;
 * what arrives is proven, block by block and over all links, to be what the sender read.
 */
export class Transfer implements AsyncIterable<Buffer> {
  readonly #offer: TransferOffer
  readonly #init: Omit<FetchBlocksInit, 'place' | 'buffer'>

  /** @param open opens a fresh stream to the sender */
  constructor(
    offer: TransferOffer,
    open: FetchBlocksInit['open'],
    {
      patienceMs = transferDefaults.patienceMs,
      signal = new AbortController().signal,
      startTimer: start = startTimer,
      now = () => performance.now(),
      onBytes,
    }: ReceiveOptions & TransferClock = {},
  ) {
    this.#offer = offer
    this.#init = { ticket: offer.ticket, open, patienceMs, signal, start, now, onBytes }
  }

  /** Peer id of the sender. */
  get from(): string {
    return this.#offer.from
  }

  /** Size, when the sender knows it. */
  get bytes(): number | undefined {
    return this.#offer.bytes
  }

  /** What the sender calls it: not to be used as a path unchecked. */
  get name(): string | undefined {
    return this.#offer.name
  }

  /** A fresh stream to its sender, for a caller that speaks the protocol of transfers on it. @throws MeshError unavailable, cancelled */
  openPipe(signal: AbortSignal): Promise<Duplex> {
    return this.#init.open({ signal })
  }

  /**
   * Saves it: as `.NAME.mesh-part` beside its place until all of it is on disk. A file that is there is replaced; a part that an
   * earlier try left is continued if it is the beginning of what is sent.
   * @returns its size in bytes
   * @throws MeshError conflict when the source has changed, or the file is being saved already; not_found when it is offered no more;
   * invalid_argument for the name of a part; unavailable for a full disk, and for a sender that is not reached; permission_denied,
   * path_lost, cancelled
   */
  saveTo(path: string): Promise<number> {
    return saveFile(path, this.#init)
  }

  /** Blocks of at most 1 MiB, in order; a reader that waits makes the sender wait. @throws MeshError as {@link saveTo} */
  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    return fetchBlocks({ ...this.#init, place: { blocks: 0, chain: emptyChain }, buffer: blockBuffer })
  }
}
