/** One member as a provider of one service, as this agent knows it: calls in flight, latency, breaker. */
import type { MeshError } from '@agent-mesh/protocol'
import type { Breaker } from './breaker.ts'
import { balanceDefaults } from './defaults.ts'
import { PeakEwma } from './latency.ts'
import { outcomeOf } from './outcome.ts'
import { hashOf } from './rendezvous.ts'
import type { Subset } from './subset.ts'
import type { TypicalLatency } from './typical-latency.ts'

/** Calls in flight at one member, of all its services. */
export interface MemberLoad {
  readonly peerId: string
  inFlight: number
  /** Providers that count here. */
  providers: number
}

/** What the providers of a service have in common, and decide together. */
export interface ServiceOfProvider {
  readonly subset: Subset
  readonly typical: TypicalLatency
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
  readonly #service: ServiceOfProvider
  readonly #roundTripMs: () => number | undefined

  /** @param roundTripMs ms to it and back, as far as it is known without a call */
  constructor(
    load: MemberLoad,
    breaker: Breaker | undefined,
    service: ServiceOfProvider,
    roundTripMs: () => number | undefined = () => undefined,
  ) {
    this.peerId = load.peerId
    this.hash = hashOf(load.peerId)
    this.load = load
    this.breaker = breaker
    this.#service = service
    this.#roundTripMs = roundTripMs
  }

  /**
   * What one more call costs: ms x calls in flight. One that was never asked costs the estimated round trip, or nothing, until it is.
   */
  cost(now: number): number {
    const ms = this.#ms(now)
    if (ms > 0) return ms * (this.inFlight + 1)
    return this.inFlight === 0 ? (this.estimatedMs(now) ?? 0) : unansweredCost + this.inFlight
  }

  /** Whether it has answered, or failed a moment ago. */
  isKnown(now: number): boolean {
    return this.latency.known || this.#penalty(now) > 0
  }

  /** ms that an answer takes, from its answers, its last failure and the way there. 0: nothing is known. */
  expectedMs(now: number): number {
    const penalty = this.#penalty(now)
    const { last } = this.latency
    if (penalty > last) return penalty
    const { typical } = this.#service
    if (last === 0) {
      const way = this.#roundTripMs()
      return way === undefined ? 0 : way + typical.ms
    }
    const way = this.#wayMs()
    return way + typical.expected(last - way, this.latency.trust(now))
  }

  /** ms of the round trip to it, or what its answers waited if that is longer. @returns undefined: not known */
  distanceMs(now: number): number | undefined {
    const way = this.#roundTripMs()
    return way === undefined ? undefined : Math.max(way, this.#ms(now) - this.#service.typical.leastMs)
  }

  /** What of its answers was the way there and back, ms: no more than its quickest answer took. */
  #wayMs(): number {
    return Math.min(this.#roundTripMs() ?? 0, this.#bestMs)
  }

  /** The estimated round trip, ms; undefined where it has answered or failed, or nothing is known. */
  estimatedMs(now: number): number | undefined {
    return this.isKnown(now) ? undefined : this.#roundTripMs()
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
    this.#service.subset.inFlight++
    this.load.inFlight++
    if (this.breaker === undefined || this.breaker.state === 'closed') return
    const isNew = this.breaker.state === 'open'
    this.breaker.probe(now)
    if (isNew) this.#service.probed(this)
  }

  /** The call that began at `startedAt` has its result. */
  answered(startedAt: number, now: number): void {
    this.released()
    const ms = Math.max(now - startedAt, leastMs)
    this.#bestMs = Math.min(ms, this.#bestMs * forgetBest)
    this.latency.answered(ms, now)
    this.#service.typical.answered(ms - this.#wayMs())
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
    if (outcome === 'failed') this.#service.failed(this, startedAt, now)
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
    this.#service.failed(this, startedAt, now)
  }

  /** A call ended whose outcome says nothing about the provider. */
  released(): void {
    this.inFlight--
    this.#service.subset.inFlight--
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
    this.#service.answered(this)
    if (startedAt >= this.#failedAt) this.#penaltyMs = 0
    if (this.breaker?.succeeded(startedAt, now) !== true) return
    // Its failures are of the past: it gets its share at once, and not when they have faded.
    this.latency.restart(ms, now)
    this.#service.recovered(this)
  }
}

/** More than any measured one costs: of two, the one that has answered is asked. */
const unansweredCost = 1e12
/** ms. An answer within one reading of the clock took some time, too. */
const leastMs = 0.01
/** The best latency is forgotten by so much with each answer: a slower path after a faster one is no lack of room. */
const forgetBest = 1.01
