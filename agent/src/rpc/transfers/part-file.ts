/** The file that a transfer grows in, beside its place. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MeshError } from '@agent-mesh/protocol'
import { fileFailure, systemCode } from '../../identity/private-file.ts'

/** No file of a user ends so by chance: `big.part` may be one beside `big`. */
const ending = '.mesh-part'

/** Of a name of a file, on the file systems in use. */
const mostNameBytes = 255

/** `.NAME.mesh-part` in the same folder; a hash for a name to which nothing can be added. */
export function partOf(path: string): string {
  const name = `.${basename(path)}${ending}`
  if (Buffer.byteLength(name) <= mostNameBytes) return join(dirname(path), name)
  const hash = createHash('sha256').update(basename(path)).digest('hex')
  return join(dirname(path), `.${hash}${ending}`)
}

/** Whether a file of this name is the part of another one: nothing else is saved under it. */
export const isPartName = (name: string): boolean => name.startsWith('.') && name.endsWith(ending)

/** What an earlier try left, or a new one. @throws MeshError not_found without a folder for it, permission_denied, unavailable */
export async function openPart(path: string): Promise<FileHandle> {
  const part = partOf(path)
  try {
    return await openLeft(part)
  } catch {
    return open(part, 'wx+').catch((cause: unknown) => {
      if (systemCode(cause) === 'ENOENT')
        throw new MeshError('not_found', `Cannot save ${path}: there is no folder ${dirname(path)}`, {
          cause,
        })
      throw fileFailure(`save ${path}`, cause)
    })
  }
}

/** What an earlier try left; no link to another file, which would be overwritten, and nothing that makes its writer wait. */
async function openLeft(part: string): Promise<FileHandle> {
  const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants
  const handle = await open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
  const stats = await handle.stat()
  if (stats.isFile() && stats.nlink === 1) return handle
  await handle.close()
  throw new MeshError('conflict', `Cannot continue ${part}: it is no file of its own`)
}

/** Another process may have renamed or replaced the part that is open here. @throws MeshError conflict */
export async function mustBePartOf(path: string, handle: FileHandle): Promise<void> {
  const own = await handle.stat({ bigint: true })
  const there = await lstat(partOf(path), { bigint: true }).catch(() => undefined)
  if (there?.dev === own.dev && there.ino === own.ino) return
  throw new MeshError('conflict', `Cannot save ${path}: something else took the place of its part`, {
    hint: 'Another process saves it, too: wait for it, or choose another name.',
  })
}
