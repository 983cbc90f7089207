/**
 * Pieces that wait until the last one is there, a count; more are put together. Each takes 100 bytes of memory beside its own, or 300 with
 * a buffer of its own, and a stranger could send them byte by byte.
 */
const mostPieces = 256

/** Adds a piece to those that wait, which become fewer where they are many. */
export function addPiece(pieces: Uint8Array[], piece: Uint8Array): void {
  if (pieces.length >= mostPieces) pieces.splice(0, pieces.length, Buffer.concat(pieces))
  pieces.push(piece)
}
