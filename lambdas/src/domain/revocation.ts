import {
  limits,
  MeshError,
  signRevocations,
  type RevokeReply,
  type RevokeRequest,
} from '@agent-mesh/protocol'
import { revocationListedMs, writeTries } from '../defaults.ts'
import type { Enrolment } from '../store/model.ts'
import { readRevocations } from './head-documents.ts'
import type { MeshContext } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'
import type { StoreTime } from './store-time.ts'

export interface Revoked {
  peerId: string
  /** Unix milliseconds; absent for an entry that does not say. */
  at?: number
}

export interface Revocation {
  /**
   * Puts a member out for ever: its key never enrols or renews again, its pair leaves the map, the signed list tells
   * everybody. Idempotent: what a crash left half done is finished.
   * @param by who asks, for the audit
   * @throws MeshError not_found, invalid_argument for oneself, mesh_full when the list is full, conflict
   */
  revoke(who: RevokeRequest, by: string): Promise<RevokeReply>
  /** The list in force. */
  list(): Promise<{ number: number; document: string; revoked: Revoked[] }>
}

interface List {
  peerIds: string[]
  serials: string[]
  /** Of each peer, unix milliseconds; 0: not known. */
  times: number[]
}

export function revocation(
  mesh: MeshContext,
  roster: Pick<RelayRoster, 'remove'>,
  time: Pick<StoreTime, 'sweepTime'>,
): Revocation {
  const { store, clock, changes } = mesh

  const enrolled = async ({ peerId, serial, name }: RevokeRequest): Promise<Enrolment> => {
    const found =
      peerId !== undefined
        ? await store.readEnrolment(peerId)
        : await store.findEnrolment(serial !== undefined ? { serial } : { name: name ?? '' })
    if (found !== undefined) return found
    throw new MeshError(
      'not_found',
      `Cannot revoke ${peerId ?? serial ?? name}: nobody is enrolled as that`,
      {
        hint: 'An enrolment that expired 90 days ago is forgotten, and its key cannot come back by itself.',
      },
    )
  }

  return {
    revoke: async (who, by) => {
      const { peerId } = await enrolled(who)
      if (peerId === by)
        throw new MeshError('invalid_argument', `Cannot revoke ${peerId}: that is who asks`, {
          hint: 'Have another admin do it.',
        })
      const forgetAt = await time.sweepTime()
      checkRoom(current(await readList(mesh), forgetAt), peerId)
      const {
        name,
        serial,
        roles,
        revokedAt = clock.now(),
      } = await store.revokeMember(peerId, revoked => ({
        at: clock.now(),
        who: by,
        what: 'revoke',
        detail: { peerId, name: revoked.name, serial: revoked.serial },
      }))
      changes.emit('map')
      if (roles.includes('relay')) await roster.remove(peerId)
      const number = await listed(mesh, { peerId, revokedAt, forgetAt })
      return { peerId, name, serial, roles, revokedAt, number }
    },

    list: async () => {
      const { part, peerIds, times } = await readList(mesh)
      const revoked = peerIds.map((peerId, i) => {
        const at = times[i] ?? 0
        return { peerId, ...(at === 0 ? {} : { at }) }
      })
      return { number: part.number, document: part.document, revoked }
    },
  }
}

async function readList(mesh: MeshContext) {
  const { part, claims } = await readRevocations(mesh)
  const { peerIds, serials, times } = claims
  const told = times?.length === peerIds.length ? times : peerIds.map(() => 0)
  return { part, peerIds, serials, times: told }
}

/**
 * Without those of whom no credential can be alive: their enrolment refuses them for ever.
 * @param now unix ms; 0 keeps them all
 */
function current({ peerIds, serials, times }: List, now: number): List {
  const kept = peerIds.flatMap((peerId, i) => {
    const at = times[i] ?? 0
    return at !== 0 && at + revocationListedMs < now ? [] : [{ peerId, at }]
  })
  return { peerIds: kept.map(({ peerId }) => peerId), serials, times: kept.map(({ at }) => at) }
}

function checkRoom({ peerIds, times }: List, peerId: string): void {
  if (peerIds.length < limits.revocations || peerIds.includes(peerId)) return
  const oldest = Math.min(...times.filter(at => at !== 0))
  const free = Number.isFinite(oldest) ? new Date(oldest + revocationListedMs).toISOString() : 'never'
  throw new MeshError(
    'mesh_full',
    `Cannot revoke ${peerId}: the list holds ${limits.revocations} members; the first leaves it: ${free}`,
    { hint: 'To put out this many at once, revoke the authority key or begin a new mesh.' },
  )
}

/** Signs the list with this member on it, against rivals. @returns its number */
async function listed(
  mesh: MeshContext,
  { peerId, revokedAt, forgetAt }: { peerId: string; revokedAt: number; forgetAt: number },
): Promise<number> {
  const { store, signer, meshId, changes } = mesh
  for (let tries = writeTries; ; tries--) {
    const { part, ...list } = await readList(mesh)
    if (list.peerIds.includes(peerId)) return part.number
    const next = current(list, forgetAt)
    checkRoom(next, peerId)
    const document = await signRevocations(signer, {
      mesh: meshId,
      number: part.number + 1,
      peerIds: [...next.peerIds, peerId],
      serials: next.serials,
      times: [...next.times, revokedAt],
    })
    try {
      const { number } = await store.writePart('revocations', part.number, document)
      changes.emit('head')
      return number
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'conflict' || tries === 1) throw error
    }
  }
}
