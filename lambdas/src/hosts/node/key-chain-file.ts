/**
 * A copy of the key chain beside the keys: a database restored from before a change of the authority key lacks links that
 * members know, and the same links cannot be signed again. It holds no secret.
 */
import {
  compareChains,
  keyChainSchema,
  MeshError,
  parseJson,
  verifyKeyChain,
  type KeyChain,
} from '@agent-mesh/protocol'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lostLinks } from '../../domain/restored-mesh.ts'
import { writeWhole } from '../../files/whole-file.ts'

export const keyChainFile = 'key-chain.json'

/** The chain that was kept last, undefined without one. @throws MeshError naming the file, unauthenticated for another mesh */
export async function keptKeyChain(data: string, meshId: string): Promise<KeyChain | undefined> {
  const path = join(data, keyChainFile)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new MeshError('permission_denied', `Cannot read ${path}: ${String(cause)}`, { cause })
  }
  try {
    return await verifyKeyChain(meshId, parseJson(keyChainSchema, text, 'read it'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('invalid_argument', `Cannot use ${path}: ${reason}`, {
      cause,
      hint: 'Move it away: it is only needed after a restore of the database.',
    })
  }
}

/**
 * Keeps a chain, whole or not at all; a longer one on disk stays: then the store has lost links.
 * @throws MeshError conflict when the two are forks of one mesh, unavailable when the disk is full, permission_denied
 */
export async function keepKeyChain(data: string, keys: KeyChain): Promise<void> {
  const kept = await keptKeyChain(data, keys.meshId)
  const change = kept === undefined ? 'longer' : compareChains(kept, keys)
  if (change === 'same' || (kept !== undefined && lostLinks(keys, kept))) return
  if (change === 'fork') throw forked(data, keys.meshId)
  await writeWhole(join(data, keyChainFile), `${JSON.stringify(keys.signed, null, 2)}\n`)
}

/** Members follow the chain that is kept, and would refuse the other permanently. */
const forked = (data: string, meshId: string) =>
  new MeshError(
    'conflict',
    `Cannot keep the key chain of mesh ${meshId}: ${join(data, keyChainFile)} is of another authority key`,
    {
      hint: 'The store was founded a second time with this root key. Restore its backup, or use the store that the members know.',
    },
  )
