import { MeshError } from '@agent-mesh/protocol/errors'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

/** The text of a file, or of stdin for `-`. @throws MeshError not_found, invalid_argument */
export async function readInput(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    const missing = code === 'ENOENT'
    throw new MeshError(
      missing ? 'not_found' : 'invalid_argument',
      `Cannot read ${file}: ${missing ? 'there is no such file' : code}`,
      {
        cause,
        hint: 'Name a file, or - for standard input.',
      },
    )
  }
}
