/** Whom a call asks next: pure, and without a look at more members than it needs. */
import type { Providers } from './call-targets.ts'

/** Whom the tries of one call have asked. */
export interface TriedPeers {
  readonly tried: ReadonlySet<string>
  /** The last one; undefined before the first try. */
  readonly last: string | undefined
}

/**
 * At random, so that the calls of many spread: one that is believed to answer and was not tried, then a doubtful one. When all of
 * these were tried, in turns an offline one (a belief may be wrong) and one of them again. Never the last one again while
 * there is another.
 */
export function choosePeer(
  { good, doubtful, offline }: Providers,
  { tried, last }: TriedPeers,
  random: () => number,
): string | undefined {
  if (tried.size === 0) {
    const likely = good.length > 0 ? good : doubtful
    if (likely.length > 0) return likely[Math.floor(random() * likely.length)]
  }
  const isNew = (peerId: string) => !tried.has(peerId)
  const fresh = pick(good, isNew, random) ?? pick(doubtful, isNew, random)
  if (fresh !== undefined) return fresh
  const isOther = (peerId: string) => peerId !== last
  const again = pick(good, isOther, random) ?? pick(doubtful, isOther, random)
  const unlikely = pick(offline, isNew, random)
  const turn = last !== undefined && offline.includes(last) ? (again ?? unlikely) : (unlikely ?? again)
  return turn ?? pick(offline, isOther, random) ?? last ?? good[0] ?? doubtful[0] ?? offline[0]
}

/** Whether anyone but `peerId` serves it and may answer; where nobody is said to be online, each may. */
export function hasOther({ good, doubtful, offline }: Providers, peerId: string): boolean {
  if (good.length + doubtful.length === 0) return offline.length > 1
  return holdsOther(good, peerId) || holdsOther(doubtful, peerId)
}

const holdsOther = (list: readonly string[], peerId: string): boolean =>
  list.length > 1 || (list.length === 1 && list[0] !== peerId)

/** One of those that fit: from a random place on, so that it ends after as many looks as there are unfit ones. */
function pick(
  list: readonly string[],
  fits: (peerId: string) => boolean,
  random: () => number,
): string | undefined {
  const start = Math.floor(random() * list.length)
  for (let i = 0; i < list.length; i++) {
    const peerId = list[(start + i) % list.length]!
    if (fits(peerId)) return peerId
  }
  return undefined
}
