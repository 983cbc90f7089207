/** What was known of the providers of a service when one of them was chosen: the explanation of a call shows it. */
import type { TriedPeers } from './choose.ts'
import type { Providers } from './directory.ts'
import type { Provider } from './provider.ts'

/** Why a provider was not chosen: the first reason that holds, in this order. */
export type Rejection =
  'tried' | 'offline' | 'ejected' | 'leaving' | 'full' | 'doubtful' | 'farther' | 'costs more' | 'not drawn'

export type Candidate = {
  readonly peerId: string
  /** ms x (calls in flight + 1): the lower one of two is most likely asked. 0: it was never asked, and no estimate is known. */
  readonly score: number
  /** The score is the estimated round trip: no answer came yet. @default false */
  readonly estimated?: boolean
  /** Own calls in flight, of this service. */
  readonly inFlight: number
  /** Undefined: it is the one that was asked. */
  readonly rejected?: Rejection | undefined
}

/** More are not listed, a count. */
const most = 32

export interface KnownCandidates {
  provider(peerId: string): Provider
  isFull(provider: Provider): boolean
}

/** The chosen one first, then in the order of the lists. */
export function candidatesOf(
  known: KnownCandidates,
  lists: Providers,
  { tried }: TriedPeers,
  { chosen, now }: { chosen: Provider; now: number },
): Candidate[] {
  const { good, doubtful, offline, near } = lists
  const place = (peerId: string) => {
    const at = good.indexOf(peerId)
    if (near === undefined || at < 0) return 0
    return at < near.zone ? 0 : at < near.region ? 1 : 2
  }
  const whyNot = (provider: Provider, isDoubtful: boolean): Rejection => {
    if (tried.has(provider.peerId)) return 'tried'
    if (provider.isEjected(now)) return 'ejected'
    if (provider.isLeaving(now)) return 'leaving'
    if (known.isFull(provider)) return 'full'
    if (isDoubtful && !doubtful.includes(chosen.peerId)) return 'doubtful'
    if (place(provider.peerId) > place(chosen.peerId)) return 'farther'
    return provider.cost(now) > chosen.cost(now) ? 'costs more' : 'not drawn'
  }
  const of = (peerId: string, rejected?: Rejection): Candidate => {
    const provider = known.provider(peerId)
    const { inFlight } = provider
    const estimated = inFlight === 0 && provider.estimatedMs(now) !== undefined
    return {
      ...{ peerId, score: provider.cost(now), inFlight },
      ...(estimated && { estimated }),
      ...(rejected !== undefined && { rejected }),
    }
  }
  const others = (list: readonly string[]) =>
    list.filter(peerId => peerId !== chosen.peerId).slice(0, most - 1)
  return [
    of(chosen.peerId),
    ...others(good).map(peerId => of(peerId, whyNot(known.provider(peerId), false))),
    ...others(doubtful).map(peerId => of(peerId, whyNot(known.provider(peerId), true))),
    ...others(offline).map(peerId => of(peerId, 'offline')),
  ].slice(0, most)
}
