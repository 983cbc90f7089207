/**
 * Another process that publishes records with the own key: a copied data folder, or a stolen key. A process that sees a later record than its
 * own falls silent, so that the two do not fight over the map. The silent one asks every few minutes whether the other still
 * runs, by a record with the next number; the other one answers with the number after that. Without an answer it is alone.
 */
import { after, type Clock } from '../observe/clock.ts'
import { discoveryDefaults } from './defaults.ts'

export interface RivalInit {
  clock: Clock
  /** Signs and publishes above `known`, as record number `exactly` if that is given. Never rejects. */
  publish: (known: number, exactly?: number) => void
  /** Whether the control plane has what was published. */
  published: () => boolean
  /** Uniform in [0, 1). @default Math.random */
  random?: (() => number) | undefined
}

export class Rival {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #publish: (known: number, exactly?: number) => void
  readonly #published: () => boolean
  /** Highest incarnation that it published; 0 while there is none. */
  #incarnation = 0
  #cancel = () => {}
  /** Monotonic milliseconds when this process answered last. */
  #heldAt = -Infinity
  #tellOutdone: (incarnation: number) => void = () => {}
  #tellAlone: () => void = () => {}

  constructor(init: RivalInit) {
    this.#clock = init.clock
    this.#random = init.random ?? Math.random
    this.#publish = init.publish
    this.#published = init.published
  }

  /** Whether this process is to publish nothing. */
  get silences(): boolean {
    return this.#incarnation > 0
  }

  /** Calls back when this process falls silent. */
  onOutdone(listener: (incarnation: number) => void): void {
    this.#tellOutdone = listener
  }

  /** Calls back when the other process did not answer. */
  onAlone(listener: () => void): void {
    this.#tellAlone = listener
  }

  /** The map has a record of this member that this process did not sign. @param own incarnation of its newest */
  sees(incarnation: number, own: number): void {
    const silent = this.silences
    if (!silent && incarnation === own + 1 && this.#holds(incarnation)) return
    this.#incarnation = Math.max(this.#incarnation, incarnation)
    if (silent) return
    this.#tellOutdone(incarnation)
    this.#cancel()
    this.#cancel = after(this.#clock, discoveryDefaults.rivalLookMs * (0.5 + this.#random() / 2), () =>
      this.#look(),
    )
  }

  stop(): void {
    this.#cancel()
  }

  /** Answers, but not more often than it is asked: two processes whose clocks are behind count by one all the time. */
  #holds(incarnation: number): boolean {
    const now = this.#clock.monotonic()
    if (now - this.#heldAt < discoveryDefaults.rivalLookMs / 4) return false
    this.#heldAt = now
    this.#publish(incarnation)
    return true
  }

  #look(): void {
    const known = this.#incarnation
    this.#incarnation = 0
    this.#awaitSilence()
    this.#publish(known, known + 1)
  }

  #awaitSilence(): void {
    this.#cancel = after(this.#clock, discoveryDefaults.rivalSilentMs, () => {
      if (this.#published()) this.#tellAlone()
      else this.#awaitSilence()
    })
  }
}
