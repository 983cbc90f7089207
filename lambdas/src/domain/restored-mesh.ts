/**
 * A mesh whose store was restored from a backup: members hold newer documents. The documents of the store get numbers above
 * all that members can hold, so that they accept them, see docs/adr/0018-restored-stores.md. Repeatable.
 */
import { compareChains, MeshError, type HeadNumbers, type KeyChain } from '@agent-mesh/protocol'
import type { AuditStore } from '../store/parts/audit.ts'
import type { HeadPartStore } from '../store/parts/head-parts.ts'
import { readKeyChain } from './keyring.ts'
import type { MeshParts } from './mesh-context.ts'
import { signPartsAnew, type SigningMesh } from './sign-part-anew.ts'

export interface RestoredMesh {
  /** When the newest entry of the audit log was written, unix milliseconds: later changes are lost. Absent: there is none. */
  lastEntryAt?: number
  /** Of the head from now on. */
  numbers: HeadNumbers
}

/**
 * Gives every part of the head, as the backup has it, a number that no member can hold yet, and makes members read the map
 * anew. The number of the keys is the length of their chain: see {@link restoreKeyChain}.
 * @param by the caller, for the audit
 * @throws MeshError unauthenticated when a part is of no authority key, conflict when other processes keep writing
 */
export async function takeUpRestored(
  mesh: SigningMesh & MeshParts<'clock', 'audit' | 'directory'>,
  by: string,
): Promise<RestoredMesh> {
  const { store, ring, clock } = mesh
  const lastEntryAt = await lastEntryOf(store.audit)
  await ring.refresh()
  await signPartsAnew(mesh, {
    // A key that was revoked after the backup may have signed it: the operator vouches for the backup.
    keyOf: kid => ring.keys.everKeyOf(kid),
    numberFor: ({ number }) => Math.max(number + 1, clock.now()),
  })
  const parts = new Map((await store.headParts.readParts()).map(({ name, number }) => [name, number]))
  const numberOf = (name: string): number => parts.get(name) ?? 0
  const numbers = {
    keys: numberOf('keys'),
    relays: numberOf('relays'),
    policy: numberOf('policy'),
    revocations: numberOf('revocations'),
  }
  await store.directory.renewEpoch(() => ({ at: clock.now(), who: by, what: 'restore', detail: numbers }))
  return { ...(lastEntryAt === undefined ? {} : { lastEntryAt }), numbers }
}

async function lastEntryOf(audit: AuditStore): Promise<number | undefined> {
  const { seq } = await audit.readAuditHead()
  if (seq === 0) return undefined
  const [last] = await audit.listAudit({ after: seq - 1, limit: 1 })
  return last?.at
}

/**
 * Whether the store lacks links of the key chain that a copy of it still has: the authority key was changed after the
 * backup.
 */
export const lostLinks = (stored: KeyChain, kept: KeyChain): boolean =>
  compareChains(stored, kept) === 'longer'

/**
 * Restores the key chain that members know, from the copy beside the keys.
 * @throws MeshError not_found when the store holds no mesh, conflict when another process changes the keys
 */
export async function restoreKeyChain(headParts: HeadPartStore, kept: KeyChain): Promise<void> {
  const stored = await readKeyChain(headParts, kept.meshId)
  if (stored === undefined)
    throw new MeshError('not_found', `Cannot restore mesh ${kept.meshId}: the store is empty`, {
      hint: 'Restore the database from its backup first.',
    })
  if (!lostLinks(stored, kept)) return
  const [before, after] = [stored.signed.links.length, kept.signed.links.length]
  await headParts.writePart('keys', before, JSON.stringify(kept.signed), after)
}
