/** Agents whose home is this relay, each by a claim it signed and a stream that lives. */
import { MeshError, verifyHomeClaim } from '@agent-mesh/protocol'

interface Homed {
  /** `home+jws` */
  claim: string
  homeSeq: number
  /** The stream the claim came over; when it ends the agent is offline. */
  over: object
}

/** Peer ids that came online or went offline. */
export interface HomedChange {
  up: readonly string[]
  down: readonly string[]
}

export interface HomedAgentsInit {
  /** Peer id of this relay. */
  self: string
  /** Places for agents at this relay; `claimHome` throws overloaded when there is none. */
  places: { claimHome(peerId: string): void; releaseHome(peerId: string): void }
}

export class HomedAgents {
  readonly #self: string
  readonly #places: { claimHome(peerId: string): void; releaseHome(peerId: string): void }
  readonly #agents = new Map<string, Homed>()
  readonly #listeners = new Set<(change: HomedChange) => void>()
  /** Homed agents that answer nothing: they keep their place and are offline. */
  readonly #silent = new Set<string>()
  /** Streams that ended, perhaps while a claim they brought was being verified. */
  readonly #ended = new WeakSet<object>()

  constructor(init: HomedAgentsInit) {
    this.#self = init.self
    this.#places = init.places
  }

  get size(): number {
    return this.#agents.size
  }

  has(peerId: string): boolean {
    return this.#agents.has(peerId)
  }

  /** Those that are online. */
  peers(): string[] {
    return [...this.#agents.keys()].filter(peerId => !this.#silent.has(peerId))
  }

  /** Claim by peer id, of those that are online. */
  claims(): Map<string, string> {
    return new Map(this.peers().map(peerId => [peerId, this.#agents.get(peerId)?.claim ?? '']))
  }

  /** A homed agent fell silent on its last link, or sent again. */
  setSilent(peerId: string, silent: boolean): void {
    if (!this.#agents.has(peerId) || this.#silent.has(peerId) === silent) return
    if (silent) this.#silent.add(peerId)
    else this.#silent.delete(peerId)
    this.#changed(silent ? { up: [], down: [peerId] } : { up: [peerId], down: [] })
  }

  /** Calls `listener` after every change; a newer claim of an agent names it as `up` again. @returns how to stop listening */
  onChange(listener: (change: HomedChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Takes a claim that `peerId` sent over the stream `over`.
   * @throws MeshError unauthenticated when it is not this peer's claim of this relay, overloaded when the relay is full
   */
  async add(claim: string, peerId: string, over: object): Promise<void> {
    const { peerId: owner, relay, homeSeq } = await verifyHomeClaim(claim)
    if (owner !== peerId || relay !== this.#self)
      throw new MeshError('unauthenticated', `Cannot take home claim of ${owner}: it is not for this relay`)
    const known = this.#agents.get(peerId)
    if (this.#ended.has(over) || (known !== undefined && known.homeSeq > homeSeq)) return
    this.#places.claimHome(peerId)
    this.#agents.set(peerId, { claim, homeSeq, over })
    this.#silent.delete(peerId)
    this.#changed({ up: [peerId], down: [] })
  }

  /** The stream ended; an agent that came again over another one stays. */
  remove(peerId: string, over: object): void {
    this.#ended.add(over)
    if (this.#agents.get(peerId)?.over !== over) return
    this.#agents.delete(peerId)
    this.#silent.delete(peerId)
    this.#places.releaseHome(peerId)
    this.#changed({ up: [], down: [peerId] })
  }

  #changed(change: HomedChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}
