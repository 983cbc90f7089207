import { MeshError } from '@agent-mesh/protocol/errors'
import { createReadStream } from 'node:fs'

import { commandDefaults } from '../defaults.ts'

/**
 * The text of a file, or of stdin for `-`.
 * @param mostBytes more is refused before it is read whole
 * @throws MeshError not_found, invalid_argument, too_large
 */
export async function readInput(
  file: string,
  mostBytes: number = commandDefaults.inputBytes,
): Promise<string> {
  return (await readBytes(file, mostBytes)).toString()
}

/** As {@link readInput}: the bytes as they are. */
export async function readBytes(file: string, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of openInput(file)) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > mostBytes)
      throw new MeshError('too_large', `Cannot read ${nameOf(file)}: it is over ${mostBytes} bytes`)
  }
  return Buffer.concat(chunks)
}

/** The bytes of a file, or of stdin for `-`, in pieces of at most 64 KiB, as they are asked for. @throws MeshError not_found, invalid_argument */
export async function* openInput(file: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* (file === '-' ? process.stdin : createReadStream(file)) as AsyncIterable<Buffer>
  } catch (error) {
    throw error instanceof MeshError ? error : readFailure(file, error)
  }
}

/** As errors name it. */
export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file)

function readFailure(file: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const missing = code === 'ENOENT'
  return new MeshError(
    missing ? 'not_found' : 'invalid_argument',
    `Cannot read ${nameOf(file)}: ${missing ? 'there is no such file' : code}`,
    { cause, hint: 'Name an existing file, or - for standard input.' },
  )
}
