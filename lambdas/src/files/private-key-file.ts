/**
 * Private keys on disk, mode 0600, in the form of identity files. Written whole or not at all, and never overwritten:
 * a lost root key means a lost mesh, so no failure may cost one.
 */
import {
  halvesMatch,
  MeshError,
  newPrivateJwk,
  parseJson,
  privateJwkSchema,
  type PrivateJwk,
} from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'
import { link, open, readFile, stat, unlink } from 'node:fs/promises'
import * as z from 'zod/mini'
import { fileFailure } from './whole-file.ts'

const fileSchema = z.looseObject({ version: z.literal(1), privateJwk: privateJwkSchema })

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

/**
 * Reads a key file.
 * @returns undefined when there is none
 * @throws MeshError permission_denied when others may read it, invalid_argument when it is damaged
 */
export async function readPrivateKey(path: string): Promise<PrivateJwk | undefined> {
  const text = await readPrivate(path)
  if (text === undefined) return undefined
  try {
    const { privateJwk: jwk } = parseJson(fileSchema, text, `read key file ${path}`)
    if (halvesMatch(jwk)) return jwk
    throw new MeshError(
      'invalid_argument',
      `Cannot read key file ${path}: its two halves are of different keys`,
    )
  } catch (cause) {
    const message =
      cause instanceof MeshError ? cause.message : `Cannot read key file ${path}: it holds no Ed25519 key`
    throw new MeshError('invalid_argument', message, {
      cause,
      hint: `Nothing was changed. Restore ${path} from a backup.`,
    })
  }
}

async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new MeshError('permission_denied', `Cannot read key file ${path}: others may use it`, {
        hint: `If nobody else had access to it: chmod 600 ${path}`,
      })
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new MeshError('permission_denied', `Cannot read key file ${path}: ${codeOf(cause)}`, { cause })
  }
}

/**
 * Makes a key and writes it. @param describe more fields of the file
 * @throws MeshError unavailable when the disk is full, permission_denied
 */
export async function writePrivateKey(
  path: string,
  describe: (jwk: PrivateJwk) => object = () => ({}),
): Promise<PrivateJwk> {
  const jwk = newPrivateJwk()
  const file = { version: 1, ...describe(jwk), privateJwk: jwk }
  try {
    await writeOnce(path, `${JSON.stringify(file, null, 2)}\n`)
  } catch (cause) {
    throw fileFailure(`create key file ${path}`, cause)
  }
  return jwk
}

/** `link` refuses an existing name, where a rename would replace it. */
async function writeOnce(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(temporary, path)
  } finally {
    await handle.close()
    await unlink(temporary)
  }
}
