/** Which provider a call asks next, by the belief about each: pure, and looks at no more members than it needs. */
import type { Providers } from './directory.ts'

/** The members that the tries of one call have asked. */
export interface TriedPeers {
  readonly tried: ReadonlySet<string>
  /** The last one; undefined before the first try. */
  readonly last: string | undefined
}

/** Chooses among those of equal standing. */
export interface Picker {
  /** One of `list` that fits; undefined: none does. */
  pick(list: readonly string[], fits: (peerId: string) => boolean): string | undefined
  /** Whether it is ejected, leaving or full: asked only when no other provider is left. */
  isBarred(peerId: string): boolean
}

/**
 * First an untried one that is believed to answer, then a doubtful one, then a barred one. When all of these were tried: alternately
 * an offline one (a belief may be wrong) and one of them again. Never the same one twice in a row while there is another.
 */
export function choosePeer(
  { good, doubtful, offline }: Providers,
  { tried, last }: TriedPeers,
  picker: Picker,
): string | undefined {
  const isNew = (peerId: string) => !tried.has(peerId)
  const isOpen = (peerId: string) => isNew(peerId) && !picker.isBarred(peerId)
  const open = picker.pick(good, isOpen) ?? picker.pick(doubtful, isOpen)
  if (open !== undefined) return open
  const fresh = picker.pick(good, isNew) ?? picker.pick(doubtful, isNew)
  if (fresh !== undefined) return fresh
  const isOther = (peerId: string) => peerId !== last
  const again = picker.pick(good, isOther) ?? picker.pick(doubtful, isOther)
  const unlikely = picker.pick(offline, isNew)
  const turn = last !== undefined && offline.includes(last) ? (again ?? unlikely) : (unlikely ?? again)
  return turn ?? picker.pick(offline, isOther) ?? last ?? good[0] ?? doubtful[0] ?? offline[0]
}

/** Whether a member other than `peerId` serves it and may answer; where no provider is known to be online, each of them may. */
export function hasOther({ good, doubtful, offline }: Providers, peerId: string): boolean {
  if (good.length + doubtful.length === 0) return offline.length > 1
  return holdsOther(good, peerId) || holdsOther(doubtful, peerId)
}

const holdsOther = (list: readonly string[], peerId: string): boolean =>
  list.length > 1 || (list.length === 1 && list[0] !== peerId)
