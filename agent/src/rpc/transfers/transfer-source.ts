import type { BlockSource } from './block-source.ts'

/** What can be sent: the path of a file, bytes, a stream of bytes that is read once (`Readable`, a generator), or what gives blocks. */
export type TransferSource = string | Uint8Array | AsyncIterable<Uint8Array> | BlockSource
