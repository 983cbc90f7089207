/** Keeps the newest verified head, in memory and on disk; refuses rollbacks. */
import {
  compareChains,
  MeshError,
  parseJson,
  rolledBack,
  signedHeadSchema,
  verifyHead,
  type SignedHead,
  type VerifiedHead,
} from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { Logger } from '../observe/logger.ts'
import type { MemberStore } from './member-store.ts'

export interface HeadKeeper {
  /** The head in force. @throws MeshError unavailable before the first one was accepted */
  readonly current: VerifiedHead
  /**
   * Verifies and keeps a head from any source.
   * @returns whether anything changed
   * @throws MeshError unauthenticated when it is not of this mesh, conflict when it is older than the known one or for strangers
   */
  accept(signed: SignedHead): Promise<boolean>
  onChange(listener: (head: VerifiedHead) => void): () => void
}

export interface HeadKeeperInit {
  meshId: string
  store: MemberStore
  log: Logger
}

/** Reads the head from disk, if there is one. @throws MeshError when the one on disk does not verify */
export async function headKeeper({ meshId, store, log }: HeadKeeperInit): Promise<HeadKeeper> {
  const changed = new Listeners<VerifiedHead>(err =>
    log.error({ event: 'listener-failed', err }, 'a listener of the head failed'),
  )
  const stored = store.get('head')
  let current =
    stored === undefined
      ? undefined
      : await verifyHead(meshId, parseJson(signedHeadSchema, stored, 'read stored head'))

  async function accept(signed: SignedHead): Promise<boolean> {
    if (signed.head === current?.signed.head) return false
    const next = await verifyHead(meshId, signed)
    if (next.forStrangers)
      throw new MeshError('conflict', 'Cannot accept head: it is the one that strangers are told', {
        hint: 'The control plane does not know this member: join with a new token, with --join TOKEN.',
      })
    if (current !== undefined && !follows(next, current)) return false
    current = next
    store.set('head', JSON.stringify(signed))
    changed.emit(next)
    return true
  }

  return {
    get current() {
      if (current === undefined)
        throw new MeshError('unavailable', 'Cannot tell who belongs to the mesh: no head is known yet', {
          hint: 'Start once with the control plane reachable.',
        })
      return current
    },
    accept,
    onChange: listener => changed.add(listener),
  }
}

/** Whether `next` is newer. @throws MeshError conflict when it is older than what is known, or of another branch of keys */
function follows(next: VerifiedHead, known: VerifiedHead): boolean {
  const relation = compareChains(known.keys, next.keys)
  // Numbers signed by a stolen key are void: else the thief could block later heads permanently.
  const stolen = next.keys.authorities.every(key => key.kid !== known.signedBy || key.revoked)
  if (relation === 'overrules' || (relation === 'longer' && stolen)) return true
  const lower = rolledBack(known.numbers, next.numbers)
  if (lower !== undefined)
    throw new MeshError('conflict', `Cannot accept head: its ${lower} are older than the known ones`)
  if (relation === 'fork')
    throw new MeshError('conflict', 'Cannot accept head: its authority keys do not follow the known ones', {
      hint: 'If an authority key was stolen, the operator revokes it: agent-mesh admin rotate-key --revoke.',
    })
  return newer(next, known)
}

/** A higher number is news whatever the time says: a server whose clock was ahead once must still be accepted. */
const newer = (next: VerifiedHead, known: VerifiedHead): boolean =>
  rolledBack(next.numbers, known.numbers) !== undefined || next.issuedAt >= known.issuedAt

/**
 * For a head that comes with something else from the control plane: an older one must not keep the rest from being accepted. Two of
 * its processes may be a moment apart, and one that was restored from a backup stays behind for longer.
 * @throws MeshError as {@link HeadKeeper.accept}, but for conflict
 */
export async function acceptUnlessOlder(
  head: Pick<HeadKeeper, 'accept'>,
  signed: SignedHead,
): Promise<boolean> {
  try {
    return await head.accept(signed)
  } catch (error) {
    if (error instanceof MeshError && error.code === 'conflict') return false
    throw error
  }
}
