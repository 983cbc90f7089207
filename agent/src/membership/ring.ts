/** The ring of members (design 5a): who watches whom. Pure. */
import { createHash } from 'node:crypto'

/** Place of a member on the ring: SHA-256 of mesh id and peer id. */
export const ringPlace = (meshId: string, peerId: string): string =>
  createHash('sha256').update(meshId).update(peerId).digest('hex')

export interface RingInit {
  meshId: string
  self: string
  /** All agents; whether `self` is among them does not matter. */
  agents: readonly string[]
  /** How many to watch. */
  successors: number
  /** Up to so many agents, everybody watches everybody. */
  small: number
}

/** The agents that `self` watches: its successors on the ring, nearest first. */
export function watchedBy({ meshId, self, agents, successors, small }: RingInit): string[] {
  const others = agents.filter(peerId => peerId !== self)
  if (others.length < small) return others
  const own = ringPlace(meshId, self)
  const places = others.map(peerId => ({ peerId, place: ringPlace(meshId, peerId) }))
  places.sort((a, b) => (a.place < b.place ? -1 : 1))
  const first = Math.max(
    0,
    places.findIndex(({ place }) => place > own),
  )
  return Array.from(
    { length: Math.min(successors, others.length) },
    (_, i) => places[(first + i) % places.length]?.peerId ?? '',
  )
}
