/** The signed list of revocations: of keys, and of single enrolments by their serial. */
import {
  endedOf,
  limits,
  MeshError,
  signRevocations,
  type EndedMembership,
  type Revocations,
} from '@agent-mesh/protocol'
import { revocationListedMs, writeTries } from '../defaults.ts'
import { readRevocations, type Documents } from './head-documents.ts'
import type { MeshContext } from './mesh-context.ts'

/** A key by its peer id, or an enrolment by its serial. */
export type RevokedKind = 'peer' | 'serial'

export interface RevokedEntry {
  kind: RevokedKind
  id: string
  /** When, unix milliseconds; 0: not known. */
  at: number
  /** Of an enrolment: how it ended, and whose it was; absent if unknown. */
  end?: Pick<EndedMembership, 'how' | 'peerId'>
}

/** The list says how memberships ended while it has at most this many entries: with more it would exceed a document. */
const mostTold = 3_000

const endsOf = (claims: Revocations): RevokedEntry[] => {
  const { serials, serialTimes } = claims
  const told = new Map(endedOf(claims).map(({ serial, how, peerId }) => [serial, { how, peerId }]))
  return entriesOf('serial', serials, serialTimes).map(entry => {
    const end = told.get(entry.id)
    return end === undefined ? entry : { ...entry, end }
  })
}

const entriesOf = (
  kind: RevokedKind,
  ids: readonly string[],
  times: readonly number[] = [],
): RevokedEntry[] => ids.map((id, i) => ({ kind, id, at: times.length === ids.length ? (times[i] ?? 0) : 0 }))

export async function readList(mesh: Documents) {
  const { part, claims } = await readRevocations(mesh)
  return { part, entries: [...entriesOf('peer', claims.peerIds, claims.times), ...endsOf(claims)] }
}

/**
 * Without the entries whose credentials have all expired: a revoked enrolment is refused permanently, an ended one is unknown.
 * @param now unix ms; 0 keeps them all
 */
export const current = (entries: readonly RevokedEntry[], now: number): RevokedEntry[] =>
  entries.filter(({ at }) => at === 0 || at + revocationListedMs >= now)

/** @throws MeshError mesh_full unless it is listed or there is room for it */
export function checkRoom(entries: readonly RevokedEntry[], id: string): void {
  if (entries.length < limits.revocations || entries.some(entry => entry.id === id)) return
  const oldest = Math.min(...entries.flatMap(({ at }) => (at === 0 ? [] : [at])))
  const free = Number.isFinite(oldest) ? new Date(oldest + revocationListedMs).toISOString() : 'never'
  throw new MeshError(
    'mesh_full',
    `Cannot revoke ${id}: the list holds ${limits.revocations} members; the first leaves it: ${free}`,
    { hint: 'To put out this many at once, revoke the authority key or begin a new mesh.' },
  )
}

/** What reading and signing the list needs. */
export type ListingMesh = Documents & Pick<MeshContext, 'signer' | 'meshId' | 'changes'>

/**
 * Signs the list with one more entry, against concurrent writers; an entry that is listed stays unchanged.
 * @param forgetAt entries too old for this time leave the list, unix ms; 0 keeps them all
 * @returns the number of the list that has it
 */
export async function listed(mesh: ListingMesh, added: RevokedEntry, forgetAt: number): Promise<number> {
  const { store, signer, meshId, changes } = mesh
  for (let tries = writeTries; ; tries--) {
    const { part, entries } = await readList(mesh)
    if (entries.some(({ kind, id }) => kind === added.kind && id === added.id)) return part.number
    const kept = current(entries, forgetAt)
    checkRoom(kept, added.id)
    const next = [...kept, added]
    const of = (kind: RevokedKind) => next.filter(entry => entry.kind === kind)
    const document = await signRevocations(signer, {
      mesh: meshId,
      number: part.number + 1,
      peerIds: of('peer').map(({ id }) => id),
      serials: of('serial').map(({ id }) => id),
      times: of('peer').map(({ at }) => at),
      serialTimes: of('serial').map(({ at }) => at),
      ...(next.length > mostTold ? {} : toldEnds(of('serial'))),
    })
    try {
      const { number } = await store.headParts.writePart('revocations', part.number, document)
      changes.emit('head')
      return number
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'conflict' || tries === 1) throw error
    }
  }
}

const toldEnds = (entries: readonly RevokedEntry[]): Pick<Revocations, 'serialEnds' | 'serialPeers'> => ({
  serialEnds: entries.map(({ end }) => end?.how ?? ''),
  serialPeers: entries.map(({ end }) => end?.peerId ?? ''),
})
