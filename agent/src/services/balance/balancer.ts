/** Chooses the provider that a call asks: what this agent knows of all of them, by service. */
import type { BreakerChange, BreakerState } from './breaker.ts'
import { balanceDefaults } from './defaults.ts'
import type { BalancePolicy } from './policies.ts'
import type { MemberLoad } from './provider.ts'
import { resilienceOf, type ResilienceSettings } from './resilience.ts'
import { ServiceProviders } from './service-providers.ts'

export interface BalancerInit {
  /** @default 'p2c' */
  readonly policy?: BalancePolicy | undefined
  /** @default on, see {@link ResilienceSettings} */
  readonly resilience?: ResilienceSettings | undefined
  /** ms of the round trip to a member that has not answered yet. @default unknown */
  readonly estimatedRttMs?: ((peerId: string) => number | undefined) | undefined
  /** [0, 1). */
  readonly random: () => number
  /** The breaker of a provider changed. Must not throw. */
  readonly onBreaker?: ((change: BreakerChange) => void) | undefined
}

export class Balancer {
  readonly #policy: BalancePolicy
  readonly #resilience: ResilienceSettings
  readonly #random: () => number
  readonly #estimatedRttMs: BalancerInit['estimatedRttMs']
  readonly #onBreaker: (change: BreakerChange) => void
  readonly #services = new Map<string, ServiceProviders>()
  readonly #loads = new Map<string, MemberLoad>()

  constructor(init: BalancerInit) {
    const { policy = 'p2c', resilience = resilienceOf(), random, onBreaker } = init
    this.#policy = policy
    this.#resilience = resilience
    this.#random = random
    this.#estimatedRttMs = init.estimatedRttMs
    this.#onBreaker = onBreaker ?? (() => undefined)
  }

  /** Tries beyond the first that each call earns. */
  get retryBudget(): number {
    return this.#resilience.retryBudget
  }

  /** @param service `math` or `math@2`, as calls name it */
  of(service: string): ServiceProviders {
    const known = this.#services.get(service)
    if (known !== undefined) return known
    if (this.#services.size >= balanceDefaults.services) this.#forgetOldest()
    const made = new ServiceProviders({
      policy: this.#policy,
      resilience: this.#resilience,
      loads: this.#loads,
      estimatedRttMs: this.#estimatedRttMs,
      random: this.#random,
      onBreaker: change => this.#onBreaker({ ...change, service }),
    })
    this.#services.set(service, made)
    return made
  }

  /** How many providers are ejected now. */
  ejected(): Record<Exclude<BreakerState, 'closed'>, number> {
    const counts = { open: 0, 'half-open': 0, closed: 0 }
    for (const service of this.#services.values()) for (const state of service.ejected()) counts[state]++
    return { open: counts.open, 'half-open': counts['half-open'] }
  }

  #forgetOldest(): void {
    for (const [name, service] of this.#services) {
      service.clear()
      this.#services.delete(name)
      return
    }
  }
}
