import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import type { BlockSource } from './block-source.ts'
import type { TransferSource } from './transfer-source.ts'
import { BytesSource } from './bytes-source.ts'
import { FileSource } from './file-source.ts'
import { OnePassSource } from './one-pass-source.ts'

/** @throws MeshError invalid_argument, not_found, permission_denied */
export async function blockSource(from: TransferSource): Promise<BlockSource> {
  if (typeof from === 'string') return FileSource.open(from)
  if (from instanceof Uint8Array) return new BytesSource(from)
  if (typeof from === 'object' && from !== null && Symbol.asyncIterator in from)
    return new OnePassSource(from)
  if (typeof from === 'object' && from !== null && 'blocks' in from) return from
  throw invalidArgument(
    'send',
    `${shownValue(from)} cannot be read`,
    'Give the path of a file, bytes, or a readable stream of bytes.',
  )
}
