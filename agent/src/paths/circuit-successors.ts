/**
 * What new work does that finds only a circuit whose relay leaves: it waits for the first try of a link over another path, which it
 * shares with all other work of that circuit, and takes the circuit when nothing came of it.
 */
import { atMost } from '../core/at-most.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'

export interface CircuitSuccessorsInit {
  /** A link that goes through no relay that leaves. @throws MeshError */
  linkTo: (peerId: string) => Promise<Link>
}

export class CircuitSuccessors {
  readonly #linkTo: (peerId: string) => Promise<Link>
  readonly #tries = new WeakMap<Link, Promise<void>>()

  constructor(init: CircuitSuccessorsInit) {
    this.#linkTo = init.linkTo
  }

  /**
   * Resolves when there is another link, when no dial brought one, or after `successorMs`, or half of the time left if that is less, and
   * with `signal`. Never rejects.
   * @param leftMs of the work
   * @param signal of the work: the dial, which others share, continues
   */
  awaited(circuit: Link, leftMs: number, signal?: AbortSignal): Promise<void> {
    const limited = atMost(Math.min(leftMs / 2, pathDefaults.successorMs), this.#tried(circuit))
    return unlessAborted(limited, signal)
  }

  #tried(circuit: Link): Promise<void> {
    const known = this.#tries.get(circuit)
    if (known !== undefined) return known
    const tried = atMost(pathDefaults.successorMs, this.#dial(circuit.peer.peerId))
    this.#tries.set(circuit, tried)
    return tried
  }

  async #dial(peerId: string): Promise<void> {
    try {
      await this.#linkTo(peerId)
    } catch {
      // The work takes the circuit, and says itself what it fails with.
    }
  }
}
