import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { join } from 'node:path'

/** Lines as `sha256sum --check` reads them. */
export async function checksums(folder: string, names: readonly string[]): Promise<string> {
  const lines = []
  for (const name of [...names].sort()) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, name)), hash)
    lines.push(`${hash.digest('hex')}  ${name}\n`)
  }
  return lines.join('')
}
