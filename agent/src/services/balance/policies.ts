/** Ways to choose one of a part of a list of providers; each looks at no more of them than it needs. */
import { oddsOf } from './odds.ts'
import type { Provider } from './provider.ts'
import { claimOf, hashOf } from './rendezvous.ts'
import type { Subset } from './subset.ts'

/**
 * `p2c`: of two at random most likely the cheaper one, by latency x calls in flight (Mitzenmacher 2001; as Finagle and Linkerd, but for
 * {@link oddsOf}). `round-robin`: in turns. `random`. `least-busy`: the one with the fewest own calls in flight.
 */
export const balancePolicies = ['p2c', 'round-robin', 'random', 'least-busy'] as const
export type BalancePolicy = (typeof balancePolicies)[number]

/** `list[from]` to `list[to - 1]`, of those that fit. */
export interface Candidates {
  readonly list: readonly string[]
  readonly from: number
  readonly to: number
  readonly fits: (peerId: string) => boolean
  readonly provider: (peerId: string) => Provider
}

export interface PolicyContext {
  /** Monotonic ms. */
  readonly now: number
  /** [0, 1). */
  readonly random: () => number
  /** Counts up by one each time. */
  readonly turn: () => number
  readonly subset: Subset
}

type Choose = (candidates: Candidates, context: PolicyContext) => string | undefined

export const chooseBy: Readonly<Record<BalancePolicy, Choose>> = {
  p2c: cheaperOfTwo,
  'round-robin': (candidates, context) => nextFit(candidates, context.turn()),
  random: (candidates, context) => nextFit(candidates, atRandom(candidates, context)),
  'least-busy': leastBusy,
}

/** The provider that a key belongs to. */
export function keeperOf(candidates: Candidates, key: string): string | undefined {
  const hash = hashOf(key)
  return most(candidates, peerId => claimOf(candidates.provider(peerId).hash, hash))
}

function cheaperOfTwo(candidates: Candidates, context: PolicyContext): string | undefined {
  const { list, from, to, provider } = candidates
  const size = to - from
  const { subset, random } = context
  const count = subset.count(size)
  const distanceAt = (place: number) => provider(list[from + place]!).distanceMs(context.now)
  const drawn = (nth: number) => fitAt(candidates, subset.place(nth % count, { count, size }, distanceAt))
  const nth = Math.floor(random() * count)
  const at = drawn(nth)
  if (at < 0 || size === 1) return list[at]
  const another = drawn(nth + 1 + Math.floor(random() * (count - 1)))
  // Where the others of the subset do not fit, the next one in the list does.
  const other = another === at ? fitAt(candidates, at - from + 1) : another
  if (other === at) return list[at]
  const [first, second] = [list[at]!, list[other]!]
  return random() < oddsOf(provider(first), provider(second), context.now) ? first : second
}

/** From a random place on: of many that are equally busy, each has its turn. */
function leastBusy(candidates: Candidates, context: PolicyContext): string | undefined {
  const { list, from, to, fits, provider } = candidates
  const start = atRandom(candidates, context)
  let [best, least] = [undefined as string | undefined, Infinity]
  for (let i = 0; i < to - from; i++) {
    const peerId = list[from + ((start + i) % (to - from))]!
    if (!fits(peerId) || provider(peerId).inFlight >= least) continue
    best = peerId
    least = provider(peerId).inFlight
  }
  return best
}

function most({ list, from, to, fits }: Candidates, worth: (peerId: string) => number): string | undefined {
  let [best, highest] = [undefined as string | undefined, -1]
  for (let at = from; at < to; at++) {
    const peerId = list[at]!
    if (!fits(peerId)) continue
    const value = worth(peerId)
    if (value <= highest) continue
    best = peerId
    highest = value
  }
  return best
}

const atRandom = ({ from, to }: Candidates, { random }: PolicyContext): number =>
  Math.floor(random() * (to - from))

const nextFit = (candidates: Candidates, start: number): string | undefined =>
  candidates.list[fitAt(candidates, start)]

/** The index of the first that fits from a place on: it ends after as many looks as there are unfit ones. -1: none does. */
function fitAt({ list, from, to, fits }: Candidates, start: number): number {
  const size = to - from
  for (let i = 0; i < size; i++) {
    const at = from + ((start + i) % size)
    if (fits(list[at]!)) return at
  }
  return -1
}
