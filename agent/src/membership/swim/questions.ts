/** What the watchers of one member ask each other, and answer. */
import type { SwimMessage } from '@agent-mesh/protocol'
import type { SwimEffect } from './effects.ts'
import type { Ledger } from './ledger.ts'
import type { LinkWatch } from './link-watch.ts'
import type { Scope, StandingOf } from './scope.ts'
import type { SwimSettings } from './settings.ts'

export interface QuestionsInit {
  settings: SwimSettings
  scope: Scope
  standingOf: StandingOf
  ledger: Ledger
  links: ReadonlySet<string>
  emit: (effect: SwimEffect) => void
}

export class Questions {
  readonly #init: QuestionsInit

  constructor(init: QuestionsInit) {
    this.#init = init
  }

  /** Other watchers, those first with which there is a link, and those that asked. */
  coWatchers(watch: LinkWatch): string[] {
    const { scope, standingOf, links, settings } = this.#init
    const all = scope.watchersOf(watch.peer, standingOf)
    const linked = all.filter(peerId => links.has(peerId))
    const others = all.filter(peerId => !links.has(peerId))
    const helpers = [...linked, ...others].slice(0, Math.max(settings.helpers, linked.length))
    return [...new Set([...watch.askers, ...helpers])]
  }

  /** Tells these that the member is suspected, which asks them to probe it. */
  accuse({ peer, accusation }: LinkWatch, to: readonly string[]): void {
    const incarnation = this.#incarnation(peer)
    const closed = accusation?.closed ?? false
    const message: SwimMessage = { kind: 'accuse', about: peer, incarnation, closed }
    for (const each of to) {
      accusation?.asked.add(each)
      this.#init.emit({ type: 'send', to: each, message })
    }
  }

  /** Asks the member itself once more, and all that were asked about it. */
  again(watch: LinkWatch): void {
    this.#init.emit({ type: this.#init.links.has(watch.peer) ? 'ping' : 'dial', to: watch.peer })
    this.accuse(watch, [...(watch.accusation?.asked ?? [])])
  }

  /** Tells those that asked that it was heard. */
  vouch(watch: LinkWatch): void {
    const incarnation = this.#incarnation(watch.peer)
    for (const to of watch.askers)
      this.#init.emit({ type: 'send', to, message: { kind: 'vouch', about: watch.peer, incarnation } })
    watch.askers.clear()
  }

  #incarnation(peerId: string): number {
    return this.#init.ledger.get(peerId)?.incarnation ?? 0
  }
}
