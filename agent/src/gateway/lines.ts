import { MeshError } from '@agent-mesh/protocol/errors'

import { GatheredBytes } from './gathered-bytes.ts'

const newline = 10

/**
 * The lines of a text in UTF-8 as they come, without empty ones; the last one needs no end.
 * @param from names the text in errors: `standard input`
 * @throws MeshError too_large for a line of more than `mostBytes`; invalid_argument for one that is not UTF-8; what `chunks` throws
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  mostBytes: number,
  from: string,
): AsyncGenerator<string, void, undefined> {
  const held = new GatheredBytes()
  const keep = (piece: Uint8Array): void => {
    if (held.length + piece.length > mostBytes)
      throw new MeshError('too_large', `Cannot read ${from}: a line is over ${mostBytes} bytes`)
    held.add(piece)
  }
  const line = (): string => held.text(from).trim()
  for await (const chunk of chunks) {
    let start = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, at))
      start = at + 1
      const text = line()
      if (text !== '') yield text
    }
    if (start < chunk.length) keep(chunk.subarray(start))
  }
  const text = line()
  if (text !== '') yield text
}
