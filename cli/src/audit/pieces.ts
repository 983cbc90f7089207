/** What is written into a file, in pieces. */

/** Lines are written in pieces of this length, UTF-16 units: a write takes 16 µs beside what it writes. */
const pieceLength = 64 * 1024

/** A text, or lines joined; once. */
export class Pieces implements AsyncIterable<string> {
  readonly #text: string | AsyncIterable<string>
  /** Whether some of it was read: it cannot be read again. */
  begun = false

  constructor(text: string | AsyncIterable<string>) {
    this.#text = text
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    this.begun = true
    if (typeof this.#text === 'string') return yield this.#text
    let piece = ''
    for await (const line of this.#text) {
      piece += line
      if (piece.length < pieceLength) continue
      yield piece
      piece = ''
    }
    if (piece !== '') yield piece
  }
}
