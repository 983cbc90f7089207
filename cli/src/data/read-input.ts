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
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of (file === '-'
      ? process.stdin
      : createReadStream(file)) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes)
        throw new MeshError('too_large', `Cannot read ${nameOf(file)}: it is over ${mostBytes} bytes`)
    }
  } catch (error) {
    throw error instanceof MeshError ? error : readFailure(file, error)
  }
  return Buffer.concat(chunks).toString()
}

const nameOf = (file: string): string => (file === '-' ? 'standard input' : file)

function readFailure(file: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const missing = code === 'ENOENT'
  return new MeshError(
    missing ? 'not_found' : 'invalid_argument',
    `Cannot read ${nameOf(file)}: ${missing ? 'there is no such file' : code}`,
    { cause, hint: 'Name an existing file, or - for standard input.' },
  )
}
