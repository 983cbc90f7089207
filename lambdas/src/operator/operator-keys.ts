/** The authority keys of a deployed mesh for its operator, who may read its table. */
import {
  keyChainSchema,
  MeshError,
  meshIdOf,
  parseJson,
  verifyKeyChain,
  type KeyChain,
} from '@agent-mesh/protocol'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { keyring, type Keyring } from '../domain/keyring.ts'
import type { Clock } from '../store/clock.ts'
import { kmsKey } from '../signer/kms-key.ts'
import type { HeadPartStore } from '../store/parts/head-parts.ts'
import type { StoreParts } from '../store/store.ts'

/** @param action for error messages @throws MeshError not_found without a mesh */
export async function storedKeyChain(
  headParts: Pick<HeadPartStore, 'readPart'>,
  action: string,
): Promise<KeyChain> {
  const part = await headParts.readPart('keys')
  if (part === undefined)
    throw new MeshError('not_found', `Cannot ${action}: there is no mesh yet`, {
      hint: 'Make it: agent-mesh admin init.',
    })
  const chain = parseJson(keyChainSchema, part.document, 'read key chain')
  return verifyKeyChain(await meshIdOf(chain.root), chain)
}

/**
 * The keys in KMS, in the order of their ids; without those that KMS refuses to show, such as a stolen one that was disabled.
 * @throws MeshError unavailable, invalid_argument when there is none
 */
export async function kmsKeys(ids: readonly string[]): Promise<[AuthorityKey, ...AuthorityKey[]]> {
  const asked = await Promise.allSettled(ids.map(id => kmsKey(id)))
  const [first, ...others] = asked.flatMap(key => (key.status === 'fulfilled' ? [key.value] : []))
  if (first !== undefined) return [first, ...others]
  const refused = asked.find(key => key.status === 'rejected')
  throw refused?.reason ?? new MeshError('invalid_argument', 'Cannot sign: the stack names no authority key')
}

/** Members follow the chain that is kept in the folder: an empty table would be a fork of their mesh. */
export const lostTable = (data: string, table: string): MeshError =>
  new MeshError(
    'conflict',
    `Cannot make a mesh in table ${table}: it is empty, and the mesh of ${data} exists`,
    {
      hint: 'Name the table of that mesh, or one restored from a backup: agent-mesh deploy aws --set tableName=NAME. For a new mesh use another context.',
    },
  )

/** A ring with the keys the operator has. */
export const operatorRing = (
  init: { store: Pick<StoreParts, 'headParts'>; clock: Clock; keys: KeyChain },
  own: readonly AuthorityKey[],
): Keyring =>
  keyring({
    ...init,
    open: kid => Promise.resolve(own.find(({ signer }) => signer.kid === kid)?.signer),
  })
