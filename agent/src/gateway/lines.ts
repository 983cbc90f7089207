import { MeshError } from '@agent-mesh/protocol/errors'

const newline = 10

/**
 * The lines of a text in UTF-8 as they come, without empty ones; the last one needs no end.
 * @param from names the text in errors: `standard input`
 * @throws MeshError too_large for a line of more than `mostBytes`; what `chunks` throws
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  mostBytes: number,
  from: string,
): AsyncGenerator<string, void, undefined> {
  let held: Uint8Array[] = []
  let bytes = 0
  const keep = (piece: Uint8Array): void => {
    bytes += piece.length
    if (bytes > mostBytes)
      throw new MeshError('too_large', `Cannot read ${from}: a line is over ${mostBytes} bytes`)
    held.push(piece)
  }
  const line = (): string => {
    const text = Buffer.concat(held).toString('utf8').trim()
    held = []
    bytes = 0
    return text
  }
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
