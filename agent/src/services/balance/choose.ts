/** Whom a call asks next, by what is believed of each: pure, and without a look at more members than it needs. */
import type { Providers } from './directory.ts'

/** Whom the tries of one call have asked. */
export interface TriedPeers {
  readonly tried: ReadonlySet<string>
  /** The last one; undefined before the first try. */
  readonly last: string | undefined
}

/** Chooses among those of equal standing. */
export interface Picker {
  /** One of `list` that fits; undefined: none does. */
  pick(list: readonly string[], fits: (peerId: string) => boolean): string | undefined
  /** Whether it is ejected, leaving or full: asked only when nobody else is left. */
  isBarred(peerId: string): boolean
}

/**
 * One that is believed to answer and was not tried, then a doubtful one, then those that are barred. When all of these were tried, in
 * turns an offline one (a belief may be wrong) and one of them again. Never the last one again while there is another.
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

/** Whether anyone but `peerId` serves it and may answer; where nobody is said to be online, each may. */
export function hasOther({ good, doubtful, offline }: Providers, peerId: string): boolean {
  if (good.length + doubtful.length === 0) return offline.length > 1
  return holdsOther(good, peerId) || holdsOther(doubtful, peerId)
}

const holdsOther = (list: readonly string[], peerId: string): boolean =>
  list.length > 1 || (list.length === 1 && list[0] !== peerId)
