/** Which agents are online, as the relays at which they are homed report: a lease that ends with the stream it came over. */
import { Listeners } from '../core/listeners.ts'

/** Agents that came online or went offline; `full`: `up` names all that are online. */
export interface PresenceChange {
  full: boolean
  up: readonly string[]
  down: readonly string[]
}

/** The reports of one stream of a relay. */
export interface PresenceSource {
  /** Applies a change; ignored once the stream has ended. */
  tell(change: PresenceChange): void
  /** The stream ended: what it said is no longer known. Idempotent. */
  end(): void
}

interface Lease {
  relay: string
  peers: Set<string>
}

export class Presence {
  readonly #leases = new Set<Lease>()
  readonly #down: Listeners<string>
  readonly #changed: Listeners<void>

  /** @param onError a listener failed */
  constructor(onError: (error: unknown) => void) {
    this.#down = new Listeners(onError)
    this.#changed = new Listeners(onError)
  }

  /** Called when a relay reported something, and when relays begin or end to report. @returns how to stop listening */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  /** Opens a lease for one stream to `relay`. A later stream to the same relay gets a lease of its own. */
  from(relay: string): PresenceSource {
    const lease: Lease = { relay, peers: new Set() }
    this.#leases.add(lease)
    this.#changed.emit()
    return {
      tell: change => {
        if (this.#leases.has(lease)) this.#apply(lease, change)
      },
      end: () => {
        if (this.#leases.delete(lease)) this.#changed.emit()
      },
    }
  }

  /** Whether any relay reports now: else nothing is known of those without a link. */
  get reporting(): boolean {
    return this.#leases.size > 0
  }

  /** The relay that reports `peerId` as online. */
  at(peerId: string): string | undefined {
    for (const { relay, peers } of this.#leases) if (peers.has(peerId)) return relay
    return undefined
  }

  /**
   * Calls `listener` with each member that a relay reported offline and no other relay reports online, also when none reported it
   * online before: its record may have come first. The end of a stream reports no member. @returns how to stop listening
   */
  onDown(listener: (peerId: string) => void): () => void {
    return this.#down.add(listener)
  }

  #apply(lease: Lease, { full, up, down }: PresenceChange): void {
    // A sign of life.
    if (!full && up.length === 0 && down.length === 0) return
    if (full) lease.peers.clear()
    for (const peerId of up) lease.peers.add(peerId)
    for (const peerId of down) lease.peers.delete(peerId)
    for (const peerId of down) if (this.at(peerId) === undefined) this.#down.emit(peerId)
    this.#changed.emit()
  }
}
