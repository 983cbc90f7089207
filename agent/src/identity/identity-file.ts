/**
 * The identity on disk: `DIR/identity.json`, mode 0600, in a directory of mode 0700. Created whole or not at all, and
 * never overwritten: a lost key means a new enrolment, so no failure may cost one.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError, reasonOf } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import { privateJwkSchema } from '@agent-mesh/protocol/private-jwk'
import * as z from 'zod/mini'
import { generateIdentity, identityOf, type Identity } from './identity.ts'
import { fileFailure, isDiskFull, makeFolder, writeOnce } from './private-file.ts'

const fileSchema = z.looseObject({ version: z.literal(1), peerId: z.string(), privateJwk: privateJwkSchema })

/** Bytes; the file has about 250. */
const maxBytes = 4096

export const identityPath = (dir: string, name = 'identity.json'): string => join(dir, name)

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/**
 * Reads the identity of a data folder.
 * @throws MeshError not_found when there is none, permission_denied when others may read it, invalid_argument when it
 * is damaged; each names the file and the way out
 */
export async function loadIdentity(dir: string, name?: string): Promise<Identity> {
  const path = identityPath(dir, name)
  const text = await readPrivate(path)
  const hint = `Restore ${path} from a backup, or move it away and enrol again under a new identity.`
  try {
    const file = parseJson(fileSchema, text, `read identity file ${path}`)
    const identity = await identityOf(file.privateJwk)
    if (identity.peerId === file.peerId) return identity
    throw new MeshError(
      'invalid_argument',
      `it names ${file.peerId.slice(0, 64)}, its key is ${identity.peerId}`,
    )
  } catch (cause) {
    throw new MeshError('invalid_argument', `Cannot read identity file ${path}: ${reasonOf(cause)}`, {
      cause,
      hint,
    })
  }
}

async function readPrivate(path: string): Promise<string> {
  try {
    const { mode, size } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new MeshError(
        'permission_denied',
        `Cannot read identity file ${path}: its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}, others may use it`,
        { hint: `If nobody else had access to it: chmod 600 ${path}` },
      )
    if (size > maxBytes)
      throw new MeshError(
        'invalid_argument',
        `Cannot read identity file ${path}: ${size} bytes, limit ${maxBytes}`,
      )
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const missing = codeOf(cause) === 'ENOENT'
    const reason = missing ? 'there is none' : String(codeOf(cause) ?? cause)
    throw new MeshError(
      missing ? 'not_found' : 'permission_denied',
      `Cannot read identity file ${path}: ${reason}`,
      {
        cause,
      },
    )
  }
}

/**
 * Makes a new identity and writes it.
 * @throws MeshError conflict when the folder already has one, permission_denied when it cannot be written
 */
export async function createIdentity(dir: string, name?: string): Promise<Identity> {
  const path = identityPath(dir, name)
  const identity = await generateIdentity()
  const file = { version: 1, peerId: identity.peerId, privateJwk: identity.privateJwk() }
  try {
    await makeFolder(dir)
    await writeOnce(path, `${JSON.stringify(file, null, 2)}\n`)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    if (isDiskFull(cause)) throw fileFailure(`create identity file ${path}`, cause)
    const exists = codeOf(cause) === 'EEXIST'
    const reason = exists ? 'there is one already' : String(codeOf(cause) ?? cause)
    throw new MeshError(
      exists ? 'conflict' : 'permission_denied',
      `Cannot create identity file ${path}: ${reason}`,
      {
        cause,
      },
    )
  }
  return identity
}

/** Loads the identity, or creates it on the first start. @throws MeshError as {@link loadIdentity} */
export async function openIdentity(dir: string, name?: string): Promise<Identity> {
  try {
    return await loadIdentity(dir, name)
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'not_found') throw error
  }
  try {
    return await createIdentity(dir, name)
  } catch (error) {
    // Another process was first: its identity is the one of this folder.
    if (error instanceof MeshError && error.code === 'conflict') return loadIdentity(dir, name)
    throw error
  }
}
