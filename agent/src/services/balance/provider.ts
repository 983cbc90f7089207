/** One member as a provider of one service, as this agent knows it: calls in flight, latency, breaker. */
import type { MeshError } from '@agent-mesh/protocol'
import type { Breaker } from './breaker.ts'
import { balanceDefaults } from './defaults.ts'
import { PeakEwma } from './latency.ts'
import { outcomeOf } from './outcome.ts'
import { hashOf } from './rendezvous.ts'

/** Calls in flight at one member, of all its services. */
export interface MemberLoad {
  readonly peerId: string
  inFlight: number
  /** Providers that count here. */
  providers: number
}

/** What a caller believes of a provider's speed. */
export interface Opinion {
  /** 0: nothing is known. */
  readonly ms: number
  /** How much that says of an answer now, 0 to 1. */
  readonly trust: number
  /** The round trip to it, before its first answer. @default false */
  readonly estimated?: boolean
}

/** What the providers of a service decide together. */
export interface ProviderEvents {
  answered(provider: Provider): void
  failed(provider: Provider, startedAt: number, now: number): void
  recovered(provider: Provider): void
  /** A call finds out whether it works again. */
  probed(provider: Provider): void
}

export class Provider {
  readonly peerId: string
  /** Of the peer id: for the choice by key. */
  readonly hash: number
  readonly load: MemberLoad
  /** None: this agent has no breakers. */
  readonly breaker: Breaker | undefined
  readonly latency = new PeakEwma()
  /** Own calls of this service that have not ended. */
  inFlight = 0
  #bestMs = Infinity
  /** Latency in ms that its last failure counts as; it fades from the moment of the failure. */
  #penaltyMs = 0
  #failedAt = 0
  #leavesUntil = 0
  readonly #events: ProviderEvents
  readonly #estimate: () => number | undefined

  /** @param estimate ms of the round trip to it, as far as that is known without a call */
  constructor(
    load: MemberLoad,
    breaker: Breaker | undefined,
    events: ProviderEvents,
    estimate: () => number | undefined = () => undefined,
  ) {
    this.peerId = load.peerId
    this.hash = hashOf(load.peerId)
    this.load = load
    this.breaker = breaker
    this.#events = events
    this.#estimate = estimate
  }

  /**
   * What one more call costs: ms x calls in flight. One that was never asked costs the estimated round trip, or nothing, until it is.
   */
  cost(now: number): number {
    const ms = this.#ms(now)
    if (ms > 0) return ms * (this.inFlight + 1)
    return this.inFlight === 0 ? (this.estimatedMs(now) ?? 0) : unansweredCost + this.inFlight
  }

  /** How fast it is, from its answers and its last failure. */
  opinion(now: number): Opinion {
    const penalty = this.#penalty(now)
    const { last } = this.latency
    if (penalty > last) return { ms: penalty, trust: 1 }
    if (last > 0) return { ms: last, trust: this.latency.trust(now) }
    const ms = this.#estimate()
    return ms === undefined ? nothingKnown : { ms, trust: balanceDefaults.estimateTrust, estimated: true }
  }

  /** The estimated round trip, ms; undefined where it has answered or failed, or nothing is known. */
  estimatedMs(now: number): number | undefined {
    return this.#ms(now) > 0 ? undefined : this.#estimate()
  }

  /** Its latency, faded since its last answer, or that of its last failure. */
  #ms(now: number): number {
    return Math.max(this.latency.at(now), this.#penalty(now))
  }

  /** ms that its last failure counts as: it is forgotten soon, so that a provider that is back has its share then. */
  #penalty(now: number): number {
    return this.#penaltyMs === 0
      ? 0
      : this.#penaltyMs * (1 - (now - this.#failedAt) / balanceDefaults.failureFadeMs)
  }

  /** Whether its latency is not far above its best of late: what waits there is short. */
  hasRoom(now: number): boolean {
    return this.#ms(now) <= this.#bestMs * balanceDefaults.roomFactor
  }

  /** Whether it said that it is leaving. */
  isLeaving(now: number): boolean {
    return now < this.#leavesUntil
  }

  /** Whether it is ejected, and no probe is due. */
  isEjected(now: number): boolean {
    const { breaker } = this
    return breaker !== undefined && breaker.state !== 'closed' && now < breaker.probeAt
  }

  /** A call begins. {@link answered}, {@link failed} or {@link released} ends it. */
  begin(now: number): void {
    this.inFlight++
    this.load.inFlight++
    if (this.breaker === undefined || this.breaker.state === 'closed') return
    const isNew = this.breaker.state === 'open'
    this.breaker.probe(now)
    if (isNew) this.#events.probed(this)
  }

  /** The call that began at `startedAt` has its result. */
  answered(startedAt: number, now: number): void {
    this.released()
    const ms = Math.max(now - startedAt, leastMs)
    this.#bestMs = Math.min(ms, this.#bestMs * forgetBest)
    this.latency.answered(ms, now)
    this.#works(startedAt, now, ms)
  }

  /** The call that began at `startedAt` ended with an error. */
  failed(error: MeshError, startedAt: number, now: number): void {
    this.released()
    const ms = Math.max(now - startedAt, leastMs)
    const outcome = outcomeOf(error, ms)
    // It did not answer within that time, so its answers take at least as long.
    if (outcome === 'nothing') return this.latency.atLeast(ms, now)
    if (outcome === 'leaving') this.#leavesUntil = now + balanceDefaults.drainingMs
    if (outcome === 'answered') {
      this.latency.atLeast(ms, now)
      this.#works(startedAt, now, ms)
    } else this.#penalize(ms, now)
    if (outcome === 'failed') this.#events.failed(this, startedAt, now)
  }

  /**
   * A stream that it had begun at `startedAt` broke. Its duration is not a latency, and its deadline is an ordinary end.
   * A failure at the caller says nothing about the provider, unless the path was lost.
   */
  broke(error: MeshError, startedAt: number, now: number): void {
    if (!error.told && error.code !== 'path_lost') return
    const outcome = outcomeOf(error, 0)
    if (outcome === 'leaving') this.#leavesUntil = now + balanceDefaults.drainingMs
    if (outcome !== 'failed') return
    this.#penalize(0, now)
    this.#events.failed(this, startedAt, now)
  }

  /** A call ended whose outcome says nothing about the provider. */
  released(): void {
    this.inFlight--
    this.load.inFlight--
  }

  /** There is a sign that it is reachable again. */
  returned(now: number): void {
    this.#leavesUntil = 0
    this.breaker?.probeNow(now)
  }

  #penalize(ms: number, now: number): void {
    this.#penaltyMs = Math.max(ms, balanceDefaults.failureMs)
    this.#failedAt = now
  }

  #works(startedAt: number, now: number, ms: number): void {
    this.#events.answered(this)
    if (startedAt >= this.#failedAt) this.#penaltyMs = 0
    if (this.breaker?.succeeded(startedAt, now) !== true) return
    // Its failures are of the past: it gets its share at once, and not when they have faded.
    this.latency.restart(ms, now)
    this.#events.recovered(this)
  }
}

/** More than any measured one costs: of two, the one that has answered is asked. */
const unansweredCost = 1e12
/** ms. An answer within one reading of the clock took some time, too. */
const leastMs = 0.01
const nothingKnown: Opinion = { ms: 0, trust: 0 }
/** The best latency is forgotten by so much with each answer: a slower path after a faster one is no lack of room. */
const forgetBest = 1.01
