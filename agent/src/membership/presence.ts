/** Who is online, as the relays say of the agents homed at them: a lease that ends with the stream it came over. */
export class Presence {
  readonly #byRelay = new Map<string, Set<string>>()

  /** Takes over what `relay` says. */
  tell(
    relay: string,
    { full, up, down }: { full: boolean; up: readonly string[]; down: readonly string[] },
  ): void {
    const known = full ? new Set<string>() : (this.#byRelay.get(relay) ?? new Set())
    for (const peerId of up) known.add(peerId)
    for (const peerId of down) known.delete(peerId)
    this.#byRelay.set(relay, known)
  }

  /** The stream to the relay ended: what it said is no longer known. */
  forget(relay: string): void {
    this.#byRelay.delete(relay)
  }

  /** The relay that says `peerId` is online. */
  at(peerId: string): string | undefined {
    for (const [relay, peers] of this.#byRelay) if (peers.has(peerId)) return relay
    return undefined
  }
}
