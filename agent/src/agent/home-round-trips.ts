/**
 * The round trips to the home relays in the own record. Each change of a record costs bytes at all members, so they change with the
 * home relays, and for themselves only by big steps, seldom, and never where each byte costs.
 */
import { limits } from '@agent-mesh/protocol'
import type { Member } from '../member/member.ts'
import { agentDefaults } from './defaults.ts'

export interface HomeRoundTripsInit {
  /** ms; undefined: not measured. */
  toRelay: (relay: string) => number | undefined
  /** Whether each byte costs. */
  metered: boolean
  /** Publishes the record with these. */
  publish: (homeRttMs: number[]) => void
  /** Monotonic milliseconds. */
  now: () => number
}

export class HomeRoundTrips {
  readonly #init: HomeRoundTripsInit
  #homeRelays: readonly string[] = []
  #listed: readonly number[] = []
  #listedAt = -Infinity
  /** How long these stay listed, ms. */
  #stayMs = 0

  constructor(init: HomeRoundTripsInit) {
    this.#init = init
  }

  /** These are the home relays from now on. @returns what the record lists beside them; undefined: nothing was measured */
  moveTo(homeRelays: readonly string[]): number[] | undefined {
    this.#homeRelays = [...homeRelays]
    return this.#list(agentDefaults.homeRttFirstMs)
  }

  /** A round trip was measured. */
  measured(): void {
    const { metered, publish, now } = this.#init
    if (metered || now() - this.#listedAt < this.#stayMs) return
    if (!isBigStep(this.#listed, wholeRtts(this.#homeRelays, this.#init.toRelay))) return
    publish(this.#list(Math.min(2 * this.#stayMs, agentDefaults.homeRttEveryMs)) ?? [])
  }

  #list(stayMs: number): number[] | undefined {
    const next = wholeRtts(this.#homeRelays, this.#init.toRelay)
    this.#listed = next
    this.#stayMs = stayMs
    this.#listedAt = next.length === 0 ? -Infinity : this.#init.now()
    return next.length === 0 ? undefined : next
  }
}

/** Those of this member. */
export const homeRoundTrips = (
  { roundTrips, preset, clock }: Pick<Member, 'roundTrips' | 'preset' | 'clock'>,
  publish: HomeRoundTripsInit['publish'],
): HomeRoundTrips =>
  new HomeRoundTrips({
    toRelay: relay => roundTrips.toRelay(relay),
    metered: preset === 'metered',
    publish,
    now: () => clock.monotonic(),
  })

/** In the order of the relays, up to the first that was not measured, as a record takes them. */
export function wholeRtts(
  relays: readonly string[],
  toRelay: (relay: string) => number | undefined,
): number[] {
  const measured = relays.map(toRelay)
  const end = measured.findIndex(ms => ms === undefined || !Number.isFinite(ms) || ms < 0)
  const known = (end < 0 ? measured : measured.slice(0, end)) as number[]
  return known.map(ms => Math.min(Math.round(ms), limits.homeRttMs))
}

/** Whether one of them became known, or differs by `homeRttStep` times and `homeRttStepMs` at least. */
export function isBigStep(listed: readonly number[], next: readonly number[]): boolean {
  const { homeRttStep, homeRttStepMs } = agentDefaults
  return next.some((ms, i) => {
    const before = listed[i]
    if (before === undefined) return true
    const [low, high] = ms < before ? [ms, before] : [before, ms]
    return high - low >= homeRttStepMs && high >= low * homeRttStep
  })
}
