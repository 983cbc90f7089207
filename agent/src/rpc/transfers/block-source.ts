import { MeshError } from '@agent-mesh/protocol'
import type { TransferSource } from './transfer-source.ts'
import { BytesSource } from './bytes-source.ts'
import { FileSource } from './file-source.ts'
import { OnePassSource } from './one-pass-source.ts'

/** What a transfer reads its blocks from. All but the last have `transferLimits.blockBytes`. */
export interface BlockSource {
  /** undefined: known at the end only. */
  readonly bytes: number | undefined
  /** Its own name, without folders. */
  readonly name: string | undefined
  /** Whether any block can be read again. */
  readonly repeatable: boolean
  /**
   * The blocks from number `from` on. The abort of `signal` ends what waits.
   * @throws MeshError conflict when the source is not what it was, or its earlier blocks are kept no more
   */
  blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void>
  /** The receiver has so many blocks. */
  received(count: number): void
  /** Nothing more is read. */
  close(): void
}

/** @throws MeshError invalid_argument, not_found, permission_denied */
export async function blockSource(from: TransferSource): Promise<BlockSource> {
  if (typeof from === 'string') return FileSource.open(from)
  if (from instanceof Uint8Array) return new BytesSource(from)
  if (typeof from === 'object' && from !== null && Symbol.asyncIterator in from)
    return new OnePassSource(from)
  throw new MeshError('invalid_argument', `Cannot send a ${typeof from}`, {
    hint: 'Give the path of a file, bytes, or a readable stream of bytes.',
  })
}
