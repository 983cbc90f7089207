/** The file that describes the RPCs: beside the bundle, or in the checkout. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const name = join('proto', 'agentmesh', 'v1', 'mesh.proto')

export function protoFile(): Promise<string> {
  const bundled = join(import.meta.dirname, name)
  return readFile(existsSync(bundled) ? bundled : join(import.meta.dirname, '..', '..', '..', name), 'utf8')
}
