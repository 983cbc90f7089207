/**
 * The files of the authority key. The file of the next key lies beside the current one until it signs and gets its name. The
 * key chain decides which of them is current, so the files are consistent after a crash at any moment.
 */
import { type KeyChain, type Signer } from '@agent-mesh/protocol'
import { link, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuthorityKey } from '../../domain/found-mesh.ts'
import { fileKey, makeFileKey } from '../../signer/file-key.ts'
import { keepKeyChain } from './key-chain-file.ts'
import { fileFailure } from '../../files/whole-file.ts'

export interface AuthorityKeyFiles {
  /** Signs credentials and the head. */
  readonly current: string
  /** The signer of a key in these files. @throws MeshError naming the file that is damaged */
  open(kid: string): Promise<Signer | undefined>
  /** The first key here that is in the chain and not revoked. */
  unrevoked(keys: KeyChain | undefined): Promise<AuthorityKey | undefined>
  /** The next key, made unless it exists. @throws MeshError naming the file */
  next(): Promise<AuthorityKey>
  /** Gives the next key the name of the current one, which is kept beside it, if its thumbprint is `kid`. Idempotent. */
  promote(kid: string): Promise<void>
  /** Keeps a copy of the key chain beside them. Cheap when it is unchanged. @throws MeshError conflict for a fork */
  keepChain(keys: KeyChain): Promise<void>
}

export function authorityKeyFiles(data: string): AuthorityKeyFiles {
  const current = join(data, 'authority-key.json')
  const next = join(data, 'authority-key-next.json')
  let kept = ''
  const find = async (fits: (kid: string) => boolean): Promise<AuthorityKey | undefined> => {
    for (const path of [current, next]) {
      const key = await fileKey(path)
      if (key !== undefined && fits(key.signer.kid)) return key
    }
    return undefined
  }
  return {
    current,
    open: async kid => (await find(other => other === kid))?.signer,
    unrevoked: keys => find(kid => keys?.authorities.some(key => key.kid === kid && !key.revoked) ?? false),
    next: async () => (await fileKey(next)) ?? makeFileKey(next),
    promote: async kid => {
      if ((await fileKey(next))?.signer.kid !== kid) return
      const old = await fileKey(current)
      // An older backup of the database needs it again.
      if (old !== undefined)
        await keep(current, join(data, `authority-key-retired-${old.signer.kid.slice(0, 8)}.json`))
      await rename(next, current)
    },
    keepChain: async keys => {
      const newest = keys.signed.links.join()
      if (newest === kept) return
      await keepKeyChain(data, keys)
      kept = newest
    },
  }
}

async function keep(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return
    throw fileFailure(`keep the old key as ${to}`, cause)
  }
}
