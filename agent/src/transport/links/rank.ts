/**
 * Which of several links to one peer is used. direct > webrtc > relay; on a tie the link dialled by the lower peer id
 * wins, then the older. Both ends compute the same order, and only the lower peer retires links, so that two
 * simultaneous dials never close each other. Peer ids compare as strings, by code unit.
 */
import { paths, type Path } from '../address.ts'
import type { Link } from './link.ts'

export interface Ranked {
  path: Path
  /** Peer id of the end that dialled. */
  dialler: string
  /** Milliseconds of one clock. */
  openedAt: number
}

/** Orders links of one peer pair, best first. @param lower the lower of the two peer ids */
export const byRank =
  (lower: string) =>
  (a: Ranked, b: Ranked): number =>
    paths.indexOf(a.path) - paths.indexOf(b.path) ||
    Number(b.dialler === lower) - Number(a.dialler === lower) ||
    a.openedAt - b.openedAt

export const lowerOf = (a: string, b: string): string => (a < b ? a : b)

/** Circuits whose relay leaves come last. */
export const byDisplaced = (one: Link, other: Link): number => Number(one.displaced) - Number(other.displaced)

/**
 * Orders the links of a session when one is added. A peer that restarted has left its earlier links half open, and they may
 * look whole for minutes: those of the same start as `newest` come first.
 */
export function bySession(self: string, newest: Link): (one: Link, other: Link) => number {
  const ranked = byRank(lowerOf(self, newest.peer.peerId))
  const older = ({ peer }: Link) => Number(peer.boot !== newest.peer.boot)
  return (one, other) => older(one) - older(other) || byDisplaced(one, other) || ranked(one, other)
}
