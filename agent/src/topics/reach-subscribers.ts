/**
 * Without a relay, members subscribe at the publisher, over a link that one of them opens. Behind NAT a publisher can dial those that
 * cannot dial it, and among many members they may not have dialled it: so it opens links to members that it has none with.
 */
import { topicDefaults } from './defaults.ts'
import type { TopicNetwork } from './topic-network.ts'

export class ReachSubscribers {
  readonly #network: TopicNetwork
  readonly #now: () => number
  readonly #dials = new Map<string, Promise<void>>()
  /** When each was dialled last. */
  readonly #dialled = new Map<string, number>()
  readonly #stopping = new AbortController()

  /** @param now ms */
  constructor(network: TopicNetwork, now: () => number) {
    this.#network = network
    this.#now = now
  }

  /** Dials some, and others once these are done; those that subscribe to something open their stream then. */
  reach(): void {
    const { signal } = this.#stopping
    if (signal.aborted) return
    const agents = this.#network.agents()
    const unlinked = agents.filter(peerId => this.#network.linked(peerId) === undefined)
    const links = agents.length - unlinked.length
    for (const peerId of unlinked) {
      if (this.#dials.size >= topicDefaults.dialsAtOnce) return
      if (links + this.#dials.size >= topicDefaults.directAgents) return
      if (this.#dials.has(peerId) || this.#wasDialled(peerId)) continue
      this.#dial(peerId, signal)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#dials.values())
  }

  #wasDialled(peerId: string): boolean {
    const at = this.#dialled.get(peerId)
    return at !== undefined && this.#now() - at < topicDefaults.reachAgainMs
  }

  #dial(peerId: string, signal: AbortSignal): void {
    this.#dialled.delete(peerId)
    this.#dialled.set(peerId, this.#now())
    const [oldest] = this.#dialled.keys()
    if (this.#dialled.size > topicDefaults.remembered && oldest !== undefined) this.#dialled.delete(oldest)
    const dial = this.#network
      .link(peerId, signal)
      .then(
        () => undefined,
        // It is dialled again after a while.
        () => undefined,
      )
      .then(() => {
        this.#dials.delete(peerId)
        this.reach()
      })
    this.#dials.set(peerId, dial)
  }
}
