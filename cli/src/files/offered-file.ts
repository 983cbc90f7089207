/** A file that a command offers to a member through the agent of this machine: the other side of pulled-source.ts. */
import type { Duplex } from 'node:stream'

import { readMessage } from '@agent-mesh/agent/rpc/pipes/handshake'
import { emptyChain } from '@agent-mesh/agent/rpc/transfers/block-chain'
import { FileSource } from '@agent-mesh/agent/rpc/transfers/file-source'
import { writeBlock, writeEnd, writeFailure } from '@agent-mesh/agent/rpc/transfers/records'
import { toMeshError } from '@agent-mesh/protocol/errors'
import { pipeLimits } from '@agent-mesh/protocol/pipe'
import { transferOfferSchema, type TransferOffer } from '@agent-mesh/protocol/transfer'

import { openLocalUpgrade } from '../ports/local-pipe.ts'

interface OfferedFile {
  readonly offer: TransferOffer
  readonly bytes: number
  /** Ends the offer. */
  close(): void
}

/**
 * @param onBytes called with what the member has asked for so far
 * @throws MeshError not_found, permission_denied for the file; not_found for the member; `NothingRunningError`
 */
export async function offerFile(
  { folder, peer, signal }: { folder: string; peer: string; signal: AbortSignal },
  path: string,
  onBytes: (bytes: number) => void,
): Promise<OfferedFile> {
  const source = await FileSource.open(path)
  const { bytes } = source
  const query = new URLSearchParams({ peer, bytes: `${bytes}` })
  const pipe = await openLocalUpgrade(folder, `/v1/send?${query}`, { action: `send ${path}`, signal })
  pipe.on('error', () => {})
  const offer = await readMessage(pipe, {
    schema: transferOfferSchema,
    maxBytes: pipeLimits.messageBytes,
    signal,
  })
  void answer(pipe, source, onBytes)
  return { offer, bytes, close: () => void pipe.destroy() }
}

/** Each block that is asked for. Never rejects. */
async function answer(pipe: Duplex, source: FileSource, onBytes: (bytes: number) => void): Promise<void> {
  const stop = new AbortController()
  let blocks: AsyncGenerator<Buffer, void> | undefined
  let next = -1
  try {
    for await (const at of numbersOf(pipe)) {
      if (at !== next) {
        await blocks?.return()
        blocks = source.blocks(at, stop.signal)
      }
      next = at + 1
      const { done, value } = await blocks!.next()
      if (done === true) {
        writeEnd(pipe, emptyChain)
        next = -1
      } else {
        await writeBlock(pipe, value, emptyChain)
        onBytes(value.length)
      }
    }
  } catch (error) {
    if (!pipe.destroyed) writeFailure(pipe, toMeshError(error, 'internal', 'read what is sent'))
  } finally {
    await blocks?.return()
    pipe.end()
  }
}

async function* numbersOf(pipe: Duplex): AsyncGenerator<number> {
  let held = Buffer.alloc(0)
  for await (const chunk of pipe as AsyncIterable<Buffer>) {
    held = Buffer.concat([held, chunk])
    for (; held.length >= 4; held = held.subarray(4)) yield held.readUInt32BE()
  }
}
