/** Chooses the relays of a member: pure decisions over measured round trips, table-tested. */

export interface RelayCandidate {
  peerId: string
  /** Without peer id. */
  addrs: readonly string[]
  region?: string | undefined
}

/** Candidates in the order they are measured: own region first, in random order within a region, so that agents spread over equal relays. */
export function probeOrder(
  candidates: readonly RelayCandidate[],
  region: string | undefined,
  random: () => number,
): RelayCandidate[] {
  const keyed = candidates.map(candidate => ({ candidate, key: random() }))
  const far = (candidate: RelayCandidate) => Number(region !== undefined && candidate.region !== region)
  keyed.sort((a, b) => far(a.candidate) - far(b.candidate) || a.key - b.key)
  return keyed.map(({ candidate }) => candidate)
}

export interface Choice {
  /** Peer ids held now: home, standby. */
  current: readonly string[]
  /** Milliseconds by peer id; a missing one did not answer. */
  roundTrips: ReadonlyMap<string, number>
  /** Held, but unreachable for so long that another takes its place. */
  gone: ReadonlySet<string>
  count: number
  /** A relay displaces a held one only when its round trip is below this part of the other's. */
  switchRatio: number
  /** ... and so many ms shorter. */
  switchMs: number
}

/**
 * Home, standby: the held ones as long as nothing is clearly better, then the nearest. A held relay that does not
 * answer keeps its place until it is `gone`.
 */
export function chooseRelays({ current, roundTrips, gone, count, switchRatio, switchMs }: Choice): string[] {
  const weight = (peerId: string, place: number) => {
    const roundTrip = roundTrips.get(peerId)
    // A home that does not answer stays home; a standby that does not answer is nearer than none.
    if (roundTrip === undefined) return place === 0 ? -Infinity : Infinity
    // The home's advantage applies against the standby too: they swap by the same rule.
    return place === 0 ? Math.min(roundTrip * switchRatio, roundTrip - switchMs) : roundTrip
  }
  const held = current.filter(peerId => !gone.has(peerId))
  const others = [...roundTrips.keys()].filter(peerId => !held.includes(peerId) && !gone.has(peerId))
  const home = [...held, ...others].reduce<string | undefined>(
    (best, peerId) =>
      best === undefined || weight(peerId, held.indexOf(peerId)) < weight(best, held.indexOf(best))
        ? peerId
        : best,
    undefined,
  )
  if (home === undefined) return []
  const heldRest = held.filter(peerId => peerId !== home)
  const otherRest = others.filter(peerId => peerId !== home).sort((a, b) => weight(a, -1) - weight(b, -1))
  return [home, ...heldRest, ...otherRest].slice(0, count)
}
