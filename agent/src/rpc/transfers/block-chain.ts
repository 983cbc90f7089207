/** The chain over the blocks of a transfer, which proves all blocks before it: protocol/src/transfer.ts. */
import { createHash } from 'node:crypto'
import { transferLimits } from '@agent-mesh/protocol'

/** Of no blocks. */
export const emptyChain: Buffer = Buffer.alloc(transferLimits.chainBytes)

export const chainAfter = (chain: Uint8Array, block: Uint8Array): Buffer =>
  createHash('sha256').update(chain).update(block).digest()
