/**
 * News of members: each goes once over each link, as it is passed on only where it changed the ledger. Links flood at once, so there
 * are no ticks and no queue that could grow.
 */
import { swimLimits, type Evidence, type News } from '@agent-mesh/protocol'
import type { SwimEffect, SwimPorts } from './effects.ts'
import type { Ledger } from './ledger.ts'
import type { Scope } from './scope.ts'

export interface RumoursInit {
  self: string
  ledger: Ledger
  /** Members with a link. */
  links: ReadonlySet<string>
  scope: Pick<Scope, 'isInformed'>
  /** Those that this member watches, and those that watch it: links beside theirs would carry the same news again. */
  neighbours: () => ReadonlySet<string>
  ports: Pick<SwimPorts, 'proofOf'>
  emit: (effect: SwimEffect) => void
}

export class Rumours {
  readonly #init: RumoursInit
  /** News of this step, with the links over which they came. */
  readonly #fresh: { news: News; from: string | undefined }[] = []

  constructor(init: RumoursInit) {
    this.#init = init
  }

  /**
   * Believes evidence that is news.
   * @param from the link it came over; undefined: it is this member's own @param spread whether others may not know it
   * @returns whether it was news
   */
  learn(peerId: string, evidence: Evidence, from: string | undefined, spread = true): boolean {
    const { ledger, emit, ports } = this.#init
    // A record that the map keeps need not be kept twice.
    const isKept = evidence.state === 'alive' && ports.proofOf !== undefined
    const { incarnation, state } = evidence
    if (!ledger.merge(peerId, isKept ? { incarnation, state } : evidence)) return false
    emit({ type: 'changed', peer: peerId, evidence })
    if (spread) this.#fresh.push({ news: { peerId, ...evidence }, from })
    return true
  }

  /** Others say of this member what is not its own word: it answers above, whatever the age of that. */
  aboutSelf(evidence: Evidence, from: string): void {
    const { self, ledger, emit } = this.#init
    const own = ledger.get(self)
    if (own?.state === 'left') return
    const above = own === undefined || evidence.incarnation > own.incarnation
    if (above || (evidence.incarnation === own.incarnation && evidence.state !== 'alive'))
      emit({ type: 'raise', above: evidence.incarnation })
    else this.tell(from, [self])
  }

  /** Sends what is known of these members to one. */
  tell(to: string, peerIds: readonly string[]): void {
    this.#send(
      to,
      peerIds.flatMap(peerId => {
        const evidence = this.#init.ledger.get(peerId)
        return evidence === undefined ? [] : this.#proved({ peerId, ...evidence })
      }),
    )
  }

  /** Sends what this step learned over all links, except where it came from. */
  flush(): void {
    if (this.#fresh.length === 0) return
    const fresh = this.#fresh
      .splice(0)
      .flatMap(({ news, from }) => this.#proved(news).map(proved => ({ news: proved, from })))
    const { self, links, scope } = this.#init
    const neighbours = this.#init.neighbours()
    for (const to of links) {
      if (!neighbours.has(to) && !fresh.some(({ news }) => news.peerId === to || news.peerId === self))
        continue
      const isInformed = scope.isInformed(to, links)
      // A member knows its own records; of its death it must hear, as only it can answer.
      const wanted = fresh.filter(
        ({ from, news }) =>
          from !== to && (news.peerId === to ? news.state === 'dead' : !isInformed || news.peerId === self),
      )
      this.#send(
        to,
        wanted.map(({ news }) => news),
      )
    }
  }

  /** With its proof; nothing where there is none, as others would not believe it. */
  #proved(news: News): News[] {
    if (news.state === 'dead' || news.proof !== undefined) return [news]
    const proof = this.#init.ports.proofOf?.(news.peerId, news.incarnation)
    return proof === undefined ? [] : [{ ...news, proof }]
  }

  #send(to: string, news: readonly News[]): void {
    for (let at = 0; at < news.length; at += swimLimits.news)
      this.#init.emit({
        type: 'send',
        to,
        message: { kind: 'news', news: news.slice(at, at + swimLimits.news) },
      })
  }
}
