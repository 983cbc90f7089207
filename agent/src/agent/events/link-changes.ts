/** Which path leads to each member, and through which relays this agent is reached. */
import type { Path } from '../../transport/index.ts'
import type { Link } from '../../transport/links/link.ts'
import type { LinkTable } from '../../transport/links/link-table.ts'
import type { Reachable } from '../reachable.ts'
import { Soon } from './soon.ts'

/** New calls to a member take another path. */
export interface PathEvent {
  readonly peerId: string
  /** Of the link that new calls take; undefined: there is none, the next call opens one. */
  readonly path: Path | undefined
}

/** The relays through which other members reach this agent have changed. */
export interface ReadyEvent {
  /** Their peer ids, home first; empty once all of them are lost. */
  readonly relays: readonly string[]
}

export type WatchedLinks = Pick<
  LinkTable,
  'best' | 'peers' | 'onUp' | 'onDown' | 'onDoubt' | 'onLeaving' | 'onDisplaced'
>

/** Emits changes from now on. @returns how to stop */
export function pathChanges(links: WatchedLinks, emit: (event: PathEvent) => void): () => void {
  const told = new Map(links.peers().map(peerId => [peerId, links.best(peerId)?.path]))
  const changed = new Set<string>()
  const soon = new Soon(() => {
    const peers = [...changed]
    changed.clear()
    for (const peerId of peers) {
      const path = links.best(peerId)?.path
      if (told.get(peerId) === path) continue
      if (path === undefined) told.delete(peerId)
      else told.set(peerId, path)
      emit({ peerId, path })
    }
  })
  const stopLinks = onLinks(links, ({ peer }) => {
    changed.add(peer.peerId)
    soon.request()
  })
  return () => {
    stopLinks()
    soon.stop()
  }
}

export interface RelaySources {
  readonly links: WatchedLinks
  readonly reachable: Pick<Reachable, 'linkedRelays'> & {
    readonly relays: Pick<Reachable['relays'], 'onChange'>
  }
}

/** Emits the relays soon, when there are any, and each change. @returns how to stop */
export function relayChanges(
  { links, reachable }: RelaySources,
  emit: (event: ReadyEvent) => void,
): () => void {
  let told = ''
  const soon = new Soon(() => {
    const relays = reachable.linkedRelays()
    if (told === relays.join()) return
    told = relays.join()
    emit({ relays })
  })
  const stops = [reachable.relays.onChange(soon.request), onLinks(links, soon.request)]
  soon.request()
  return () => {
    for (const stop of stops) stop()
    soon.stop()
  }
}

/** Calls `changed` with each link that came, ended, or is used for new work no more or again. @returns how to stop */
function onLinks(links: WatchedLinks, changed: (link: Link) => void): () => void {
  const stops = [
    links.onUp(changed),
    links.onDown(changed),
    links.onDoubt(changed),
    links.onLeaving(changed),
    links.onDisplaced(changed),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
