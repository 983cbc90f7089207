/** What can be sent: the path of a file, bytes, or a stream of bytes that is read once (`Readable`, a generator). */
export type TransferSource = string | Uint8Array | AsyncIterable<Uint8Array>
