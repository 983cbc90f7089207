/**
 * Links that a process keeps to relays: a relay to its neighbours (`Neighbours`), an agent to its home and standby relay
 * (`RelayClient`). They are dialled again at the pace of the product, also when failure detection takes the relay for dead.
 */
import { WatchPace, type WatchPaceInit } from '@agent-mesh/agent'
import type { End, Link } from './link.ts'
import type { Random } from './random.ts'

export interface KeptLinksInit {
  targets: readonly string[]
  retry?: WatchPaceInit['retry']
  find: (name: string) => End | undefined
  links: ReadonlyMap<End, Link>
  dial: (peer: End) => void
  /** Asks the peer for a sign of life. */
  ping: (link: Link) => void
  /** Runs `ms` from now, unless the process has ended. */
  after: (ms: number, run: () => void) => void
  random: Random
}

interface Kept {
  pace: WatchPace
  /** How many looks at it were planned: only the last one takes place. */
  planned: number
}

export class KeptLinks {
  readonly #init: KeptLinksInit
  readonly #kept = new Map<End, Kept>()

  constructor(init: KeptLinksInit) {
    this.#init = init
    const { random, retry } = init
    for (const name of init.targets) {
      const peer = init.find(name)
      if (peer === undefined) continue
      const kept = { pace: new WatchPace({ random, retry }), planned: 0 }
      this.#kept.set(peer, kept)
      this.#lookAfter(kept.pace.firstMs(), peer, kept)
    }
  }

  /** The link to it ended. */
  ended(peer: End): void {
    const kept = this.#kept.get(peer)
    if (kept !== undefined) this.#lookAfter(kept.pace.endedMs(), peer, kept)
  }

  /** A dial did not reach it. */
  failed(peer: End): void {
    const kept = this.#kept.get(peer)
    if (kept !== undefined) this.#lookAfter(kept.pace.failedMs(), peer, kept)
  }

  #look(peer: End, kept: Kept): void {
    const link = this.#init.links.get(peer)
    if (link === undefined) return this.#init.dial(peer)
    this.#init.ping(link)
    this.#lookAfter(kept.pace.reachedMs(), peer, kept)
  }

  #lookAfter(ms: number, peer: End, kept: Kept): void {
    const plan = ++kept.planned
    this.#init.after(ms, () => {
      if (plan === kept.planned) this.#look(peer, kept)
    })
  }
}
