/** Chooses the links that are displaced by a new one: pure decisions. */
import { MeshError } from '@agent-mesh/protocol'
import type { Link } from './link.ts'

export interface Room {
  /** Says going away, and ends when its calls do. */
  retire?: Link | undefined
  /** Retires already, has no work, and is closed at once. */
  close?: Link | undefined
}

/**
 * Makes room for one more link among `links` by the least recently used one without work. Links that retire do not count: they end
 * when their calls do; only beyond as many again is one without work closed.
 * @param idle which of them have no work and need not be kept
 * @throws MeshError too_many_links when all have work
 */
export function roomFor(links: readonly Link[], idle: (link: Link) => boolean, maxLinks: number): Room {
  if (links.length < maxLinks) return {}
  const full = links.filter(({ state }) => state === 'up').length >= maxLinks
  const crowded = links.length >= 2 * maxLinks
  const unused = links.filter(idle).sort((a, b) => a.lastUsed - b.lastUsed)
  const retire = full ? unused.find(({ state }) => state === 'up') : undefined
  const close = crowded ? unused.find(link => link !== retire) : undefined
  if ((full && retire === undefined) || (crowded && close === undefined))
    throw new MeshError('too_many_links', `Cannot open a link: all ${links.length} links have work in flight`)
  return { retire, close }
}

/**
 * The link of a peer with `most` links that ends in favour of its next one: one without work if there is one, else the oldest. The
 * cost falls on the peer that opens it, and on no other.
 */
export function excessOf(links: readonly Link[], most: number): Link | undefined {
  if (links.length < most) return undefined
  return [...links].sort((a, b) => Number(a.busy) - Number(b.busy) || a.openedAt - b.openedAt)[0]
}
