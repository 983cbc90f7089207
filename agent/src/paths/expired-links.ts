/**
 * Ends links whose peer's credential ran out after hello. A member that renewed shows its new credential when it dials
 * again; one that did not is refused.
 */
import type { Clock } from '../observe/clock.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'

export interface ExpiredLinksInit {
  links: { all(): readonly Link[] }
  clock: Pick<Clock, 'now'>
  /** Says going away, finishes what runs and closes the link; never rejects. */
  retire: (link: Link) => Promise<void>
}

export class ExpiredLinks {
  readonly #links: { all(): readonly Link[] }
  readonly #clock: Pick<Clock, 'now'>
  readonly #retire: (link: Link) => Promise<void>
  readonly #ending = new Map<Link, Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(init: ExpiredLinksInit) {
    this.#links = init.links
    this.#clock = init.clock
    this.#retire = init.retire
  }

  start(): void {
    this.#timer ??= setInterval(() => this.sweep(), pathDefaults.expirySweepMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#ending.values())
  }

  /** Ends those that are expired now. */
  sweep(): void {
    for (const link of this.#links.all())
      if (link.peer.credential.exp * 1000 <= this.#clock.now() && !this.#ending.has(link)) this.#end(link)
  }

  #end(link: Link): void {
    link.markRetiring()
    const ending = this.#retire(link).finally(() => this.#ending.delete(link))
    this.#ending.set(link, ending)
  }
}
