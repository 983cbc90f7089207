/** What failure detection says of members: beside links and leases the third source of {@link Belief}. */
import type { MemberState } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { Suspicion } from './swim/index.ts'

interface Verdict {
  state: MemberState
  /** Monotonic ms. */
  at: number
}

export class Verdicts {
  readonly #now: () => number
  /** Members of which this process learned something; of others nothing is said. */
  readonly #byPeer = new Map<string, Verdict>()
  readonly #suspicions = new Map<string, Suspicion>()
  readonly #changed: Listeners<string>

  /** @param now monotonic ms @param onError a listener failed */
  constructor(now: () => number, onError: (error: unknown) => void) {
    this.#now = now
    this.#changed = new Listeners(onError)
  }

  /** Calls `listener` with the peer id of which another thing is said. @returns how to stop listening */
  onChange(listener: (peerId: string) => void): () => void {
    return this.#changed.add(listener)
  }

  /** Undefined: this process learned nothing of it. */
  stateOf(peerId: string): MemberState | undefined {
    return this.#byPeer.get(peerId)?.state
  }

  /** Undefined: it is not suspected. */
  suspicionOf(peerId: string): Suspicion | undefined {
    return this.#suspicions.get(peerId)
  }

  /** Ms since the state was learned; Infinity: it was not. */
  ageOf(peerId: string): number {
    return this.#now() - (this.#byPeer.get(peerId)?.at ?? -Infinity)
  }

  tell(peerId: string, state: MemberState): void {
    if (this.stateOf(peerId) === state) return
    this.#byPeer.set(peerId, { state, at: this.#now() })
    this.#changed.emit(peerId)
  }

  /** @param suspicion undefined: no more */
  suspect(peerId: string, suspicion: Suspicion | undefined): void {
    if (suspicion === undefined) this.#suspicions.delete(peerId)
    else this.#suspicions.set(peerId, suspicion)
    this.#changed.emit(peerId)
  }

  /** Nothing is said of it from now on: a relay knows better, or the map names it no more. */
  forget(peerId: string): void {
    if (this.#byPeer.delete(peerId)) this.#changed.emit(peerId)
  }
}
