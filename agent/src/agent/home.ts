/** The own home among the relays: published in the record, and claimed with a signed, numbered document. */
import { signHomeClaim, type Signer } from '@agent-mesh/protocol'
import type { MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'

export interface HomeInit {
  signer: Signer
  store: MemberStore
  clock: Clock
}

export class Home {
  readonly #store: MemberStore
  readonly #clock: Clock
  readonly #signer: Signer
  #relay: string | undefined
  #claim: Promise<string> | undefined

  constructor(init: HomeInit) {
    this.#store = init.store
    this.#clock = init.clock
    this.#signer = init.signer
  }

  get relay(): string | undefined {
    return this.#relay
  }

  /** @returns whether the home changed */
  moveTo(relay: string | undefined): boolean {
    if (relay === this.#relay) return false
    this.#relay = relay
    this.#claim = undefined
    return true
  }

  /** The claim to show `relay`, or undefined when it is not the home. Rejects when its number cannot be kept. */
  async claimFor(relay: string): Promise<string | undefined> {
    if (relay !== this.#relay) return undefined
    const claim = (this.#claim ??= this.#sign(relay))
    claim.catch(() => {
      if (this.#claim === claim) this.#claim = undefined
    })
    return claim
  }

  /** Numbers rise over restarts and lost disks: the newest claim wins. */
  async #sign(relay: string): Promise<string> {
    const homeSeq = Math.max(Number(this.#store.get('homeSeq') ?? 0) + 1, this.#clock.now())
    this.#store.set('homeSeq', String(homeSeq))
    return signHomeClaim(this.#signer, { relay, homeSeq })
  }
}
