/**
 * How far other members are, ms. Of one with a link the round trip is measured. Of another it is estimated: the own round trip to a
 * relay and that of the member, which its record lists for its home relays. The sum is what a call through that relay takes; a direct
 * path is shorter or as long.
 */
import type { MemberRecord } from '@agent-mesh/protocol'
import type { LinkTable } from '../transport/links/link-table.ts'

export interface RoundTripsInit {
  links: { best(peerId: string): Pick<NonNullable<ReturnType<LinkTable['best']>>, 'rttMs'> | undefined }
  map: { get(peerId: string): { record: Pick<MemberRecord, 'homeRelays' | 'homeRttMs'> } | undefined }
}

/** Measurements of a relay of which the shortest counts: a busy process makes a round trip longer, nothing makes it shorter. */
const kept = 3
/** Relays that are remembered, a count. */
const mostRelays = 64

export class RoundTrips {
  readonly #init: RoundTripsInit
  readonly #measured = new Map<string, number[]>()

  constructor(init: RoundTripsInit) {
    this.#init = init
  }

  /**
   * Measures and notes a round trip to a relay, the first time twice: the first ping of a start waits for handshakes at both ends.
   * @returns the shortest of the last ones, ms
   */
  async measure(relay: string, ping: () => Promise<number>): Promise<number> {
    if (!this.#measured.has(relay)) this.measured(relay, await ping())
    const ms = await ping()
    this.measured(relay, ms)
    return this.toRelay(relay) ?? ms
  }

  /** Notes a round trip to a relay, whether its link is kept or not. */
  measured(relay: string, ms: number): void {
    const before = this.#measured.get(relay) ?? []
    this.#measured.delete(relay)
    this.#measured.set(relay, [...before, ms].slice(-kept))
    for (const oldest of this.#measured.keys()) {
      if (this.#measured.size <= mostRelays) break
      this.#measured.delete(oldest)
    }
  }

  /** The network changed: what was measured is of another one. */
  forget(): void {
    this.#measured.clear()
  }

  /** To a relay, ms: the shortest of the last ones. */
  toRelay(relay: string): number | undefined {
    const measured = this.#measured.get(relay)
    return measured === undefined ? this.#init.links.best(relay)?.rttMs : Math.min(...measured)
  }

  /** Measured or estimated, ms. */
  to(peerId: string): number | undefined {
    return this.#init.links.best(peerId)?.rttMs ?? this.estimate(peerId)
  }

  /** By the nearest of its home relays, ms; undefined where no round trip to one of them is known. */
  estimate(peerId: string): number | undefined {
    const known = this.#init.map.get(peerId)
    return known === undefined ? undefined : estimatedRttMs(known.record, relay => this.toRelay(relay))
  }
}

/** The shortest sum over the home relays of a record whose round trips both sides know, ms. Pure. */
export function estimatedRttMs(
  { homeRelays, homeRttMs = [] }: Pick<MemberRecord, 'homeRelays' | 'homeRttMs'>,
  toRelay: (relay: string) => number | undefined,
): number | undefined {
  let shortest: number | undefined
  for (const [i, relay] of homeRelays.entries()) {
    const [own, theirs] = [toRelay(relay), homeRttMs[i]]
    if (own === undefined || theirs === undefined) continue
    shortest = Math.min(shortest ?? Infinity, own + theirs)
  }
  return shortest
}
