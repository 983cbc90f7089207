/** The receiver of a transfer: block by block, over one pipe after the other. */
import type { Duplex } from 'node:stream'
import {
  MeshError,
  toMeshError,
  transferLimits,
  type ErrorCode,
  type PipeRequest,
} from '@agent-mesh/protocol'
import { sleep, timeoutSignal, type StartTimer } from '@agent-mesh/protocol/timers'
import { openPipe } from '../pipes/open-pipe.ts'
import { countBuffers } from '../../core/young-garbage.ts'
import { chainAfter } from './block-chain.ts'
import { transferDefaults } from './defaults.ts'
import { RecordReader } from './records.ts'

/** What a receiver has: so many blocks, and the chain behind them. */
export interface Place {
  blocks: number
  chain: Buffer
}

export interface FetchBlocksInit {
  ticket: string
  /** Opens a fresh stream to the sender, over its best link. */
  open: (options: { signal: AbortSignal }) => Promise<Duplex>
  /** Where it begins; moves with each block that its reader has taken. */
  place: Place
  /** ms without a block after which it gives up. */
  patienceMs: number
  signal: AbortSignal
  start: StartTimer
  /** Monotonic ms of the clock of `start`. */
  now: () => number
  /** Called with the bytes of each block that its reader has taken. */
  onBytes?: ((bytes: number) => void) | undefined
  /** Gives the memory for a block. */
  buffer: () => Buffer
}

/** Codes after which another pipe, over another link perhaps, may go further. */
const passing: readonly ErrorCode[] = [
  'path_lost',
  'unavailable',
  'going_away',
  'overloaded',
  'too_many_links',
  'deadline_exceeded',
]

const countOf = (blocks: number): Buffer => {
  const count = Buffer.allocUnsafe(4)
  count.writeUInt32BE(blocks)
  return count
}

/**
 * The blocks from a place on, each checked against its chain.
 * @throws MeshError conflict when the source has changed; not_found when it is offered no more; path_lost or unavailable when
 * the sender was not reached for `patienceMs`; protocol_error; the reason of `signal`
 */
export async function* fetchBlocks(init: FetchBlocksInit): AsyncGenerator<Buffer, void> {
  const { patienceMs, signal, start, now } = init
  let movedAt = now()
  let pauseMs: number = transferDefaults.pauseMs
  for (;;) {
    try {
      for await (const block of overOnePipe(init)) {
        yield block
        movedAt = now()
        pauseMs = transferDefaults.pauseMs
      }
      return
    } catch (thrown) {
      if (signal.aborted) throw toMeshError(signal.reason, 'cancelled', 'receive')
      const error = toMeshError(thrown, 'internal', 'receive')
      if (!passing.includes(error.code) || now() - movedAt > patienceMs) throw error
      await sleep(pauseMs, { signal, start })
      pauseMs = Math.min(pauseMs * 2, transferDefaults.mostPauseMs)
    }
  }
}

async function* overOnePipe({
  ticket,
  open,
  place,
  signal,
  start,
  buffer,
  onBytes,
}: FetchBlocksInit): AsyncGenerator<Buffer, void> {
  const limit = AbortSignal.any([signal, timeoutSignal(transferDefaults.openMs, start)])
  const request: PipeRequest = {
    to: `transfer:${ticket}`,
    from: place.blocks,
    chain: place.chain.toString('hex'),
  }
  const pipe = await openPipe(await open({ signal: limit }), { request, action: 'receive', signal: limit })
  const stop = () => pipe.destroy(toMeshError(signal.reason, 'cancelled', 'receive'))
  signal.addEventListener('abort', stop)
  try {
    const reader = new RecordReader(pipe)
    for (;;) {
      const { bytes, chain } = await reader.next(buffer())
      if (bytes.length === 0) {
        if (!chain.equals(place.chain)) throw damaged(place.blocks)
        // Also of nothing: the sender forgets its offer.
        pipe.end(countOf(place.blocks))
        return
      }
      if (!chainAfter(place.chain, bytes).equals(chain)) throw damaged(place.blocks)
      yield bytes
      place.blocks++
      place.chain = chain
      pipe.write(countOf(place.blocks))
      countBuffers(bytes.length)
      onBytes?.(bytes.length)
    }
  } finally {
    signal.removeEventListener('abort', stop)
    if (!pipe.writableEnded) pipe.destroy()
  }
}

const damaged = (block: number): MeshError =>
  new MeshError('protocol_error', `Cannot receive block ${block}: its bytes are not those of its hash`)

/** Memory for one block. */
export const blockBuffer = (): Buffer => Buffer.allocUnsafeSlow(transferLimits.blockBytes)
