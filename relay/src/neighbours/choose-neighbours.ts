/** Which other relays a relay keeps links to (design 5a). Pure. */
import type { RelayEntry } from '@agent-mesh/protocol'
import { createHash } from 'node:crypto'
import { neighbourCounts } from '../defaults.ts'

/** Where relays are that name no region. */
export const nowhere = 'default'

export const regionOf = ({ region }: Pick<RelayEntry, 'region'>): string => region ?? nowhere

/** Different for each relay, the same at each look: the links of a region spread over its relays. */
const place = (self: string, peerId: string): string =>
  createHash('sha256').update(self).update(peerId).digest('hex')

/** All of its own region up to a bound, and some of each other one. */
export function chooseNeighbours(relays: readonly RelayEntry[], self: string): RelayEntry[] {
  const home = relays.find(({ peerId }) => peerId === self)
  const homeRegion = home === undefined ? nowhere : regionOf(home)
  const others = relays
    .filter(({ peerId }) => peerId !== self)
    .map(relay => ({ relay, key: place(self, relay.peerId) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const taken = new Map<string, number>()
  return others.flatMap(({ relay }) => {
    const region = regionOf(relay)
    const count = taken.get(region) ?? 0
    const { ownRegion, eachOther } = neighbourCounts
    if (count >= (region === homeRegion ? ownRegion : eachOther)) return []
    taken.set(region, count + 1)
    return relay
  })
}
