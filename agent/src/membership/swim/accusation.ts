/**
 * A suspicion about one member: who shares it, and how long the member has to answer. Confirmations shorten the time (Lifeguard), as
 * far as there are co-watchers that can be heard: one that is silent itself confirms nothing, and is not waited for.
 */
import type { SwimSettings } from './settings.ts'

export interface Confirmations {
  /** Other watchers that accuse it, too. */
  confirmed: number
  /** Co-watchers that were asked, and those of them that were heard since. */
  asked: number
  responsive: number
  /** Ms since the probe that was not answered. */
  age: number
}

/** Accusations of others that make a suspicion as short as it gets. */
export function needed({ asked, responsive, age }: Confirmations, settings: SwimSettings): number {
  // A co-watcher needs a link, its own probe and the time until that is overdue.
  const waits = age < 4 * settings.timeoutMs
  return Math.min(settings.confirmations, waits ? asked : responsive)
}

/** Ms of silence, from the probe on, before the last question is asked. */
export function suspicionMs(seen: Confirmations, settings: SwimSettings): number {
  const { suspicionMinMs, suspicionMaxMs } = settings
  const need = needed(seen, settings)
  if (seen.confirmed >= need) return suspicionMinMs
  return (
    suspicionMaxMs - ((suspicionMaxMs - suspicionMinMs) * Math.log(seen.confirmed + 1)) / Math.log(need + 1)
  )
}

export class Accusation {
  /** When the probe was sent that was not answered. */
  readonly since: number
  /** The peer's side ended the link. */
  readonly closed: boolean
  /** Other watchers that accuse it; true: it closed its link to them. */
  readonly by = new Map<string, boolean>()
  /** Co-watchers that know of the own accusation. */
  readonly asked = new Set<string>()

  constructor(since: number, closed: boolean) {
    this.since = since
    this.closed = closed
  }

  /** @param heardAt when a co-watcher was last heard; ms */
  dueAt(now: number, settings: SwimSettings, heardAt: (peerId: string) => number): number {
    const responsive = [...this.asked].filter(
      peerId => this.by.has(peerId) || heardAt(peerId) >= this.since,
    ).length
    const seen = { confirmed: this.by.size, asked: this.asked.size, responsive, age: now - this.since }
    const ms = suspicionMs(seen, settings)
    const closings = [...this.by.values()].filter(Boolean).length
    const isClosed = this.closed && closings >= Math.max(1, needed(seen, settings))
    return this.since + (isClosed ? Math.min(settings.closedMs, ms) : ms)
  }
}
