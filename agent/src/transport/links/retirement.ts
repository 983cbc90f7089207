/**
 * How links end that are no longer needed. A link that retires says going away, takes no new work and closes when its calls are done.
 * Of several links to one peer only the best stays, once it is known to work: the peer may have opened it because the other is dead.
 *
 *   up, better one verified / idle / room needed -> retiring -> (calls done) -> down
 */
import { isGood, type LinkIndex } from './link-index.ts'
import type { Link } from './link.ts'

export interface RetirementInit {
  /** Own peer id. */
  self: string
  links: LinkIndex
  /** Tells the peer and waits until running calls are done; the link is closed afterwards. */
  retire: (link: Link) => Promise<void>
  /**
   * Checks that the peer answers on this link before others to it are retired. Rejects when it does not.
   * @default assumes that it answers
   */
  verify?: ((link: Link) => Promise<void>) | undefined
  /** A link did not answer when it was verified. */
  onSilent: (link: Link) => void
  onError: (error: unknown) => void
}

export class Retirement {
  readonly #retire: (link: Link) => Promise<void>
  readonly #links: LinkIndex
  readonly #verify: ((link: Link) => Promise<void>) | undefined
  readonly #onError: (error: unknown) => void
  readonly #self: string
  readonly #onSilent: (link: Link) => void
  readonly #ending = new Set<Promise<unknown>>()
  readonly #verifying = new Set<Link>()

  constructor(init: RetirementInit) {
    this.#retire = init.retire
    this.#links = init.links
    this.#verify = init.verify
    this.#onError = init.onError
    this.#self = init.self
    this.#onSilent = init.onSilent
  }

  /** Tells the peer that the link goes away and closes it when nothing runs on it any more; new work takes another. */
  retire(link: Link): void {
    if (link.state !== 'up') return
    link.markRetiring()
    this.await(Promise.race([this.#retire(link), link.closed]).finally(() => link.close()))
  }

  /**
   * Retires all links to a peer but the best, once that is known to work. Suspect links stay: they end or recover. So do those of another
   * start of the peer: before a restart, or a clone, which would dial again and again. Both peers verify, the lower one retires.
   */
  retireSurplus(peerId: string): void {
    const best = this.#links.best(peerId)
    if (best === undefined || this.#surplusTo(best).length === 0) return
    if (this.#verify === undefined) return this.#verified(best)
    if (this.#verifying.has(best)) return
    this.#verifying.add(best)
    const verified = this.#verify(best).then(
      () => this.#verified(best),
      () => this.#silent(best),
    )
    this.await(verified)
  }

  /** Tracks the end of a link until it is complete. */
  await(ending: Promise<unknown>): void {
    const owned: Promise<unknown> = ending.catch(this.#onError).finally(() => this.#ending.delete(owned))
    this.#ending.add(owned)
  }

  /** Resolves when no link is ending any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#ending])
  }

  #verified(best: Link): void {
    const { peerId } = best.peer
    this.#verifying.delete(best)
    if (this.#links.best(peerId) !== best) return this.retireSurplus(peerId)
    if (this.#self < peerId) for (const link of this.#surplusTo(best)) this.retire(link)
  }

  #silent(best: Link): void {
    this.#verifying.delete(best)
    this.#onSilent(best)
    this.retireSurplus(best.peer.peerId)
  }

  #surplusTo(best: Link): Link[] {
    const { peerId, boot } = best.peer
    return this.#links.of(peerId).filter(link => link !== best && isGood(link) && link.peer.boot === boot)
  }
}
