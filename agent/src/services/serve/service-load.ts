/**
 * How saturated the services of a process are: means over a window, for an autoscaler of such processes. A
 * service is as saturated as the scarcest of what it needs: room below the limit of its busiest method, turns of handlers, the event loop.
 */
import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import { turnDefaults, type TurnMetrics } from '../../rpc/index.ts'
import type { MethodLimiter } from './call-limiter.ts'
import { loadDefaults } from './defaults.ts'
import type { ServiceRegistry } from './service-registry.ts'

/** Of one service. */
export interface ServiceLoadReport {
  /** `math@2` */
  readonly service: string
  /** 0 to 1. */
  readonly saturation: number
  /** Mean wait for a turn, ms. */
  readonly queueMs: number
  /** Calls that were refused before their handler ran, a minute. */
  readonly shedPerMinute: number
}

export interface ServiceLoadInit {
  readonly registry: Pick<ServiceRegistry, 'contracts' | 'refOf'>
  readonly limiter: Pick<MethodLimiter, 'uses'>
  /** Share of the time in which the event loop of this thread worked since the last call, 0 to 1. @default measured */
  readonly loopUse?: () => number
  /** Calls that waited so long for their turn are shed, ms. @default 200 */
  readonly mostWaitMs?: number | undefined
}

/** Of the time between two looks. */
interface Look {
  readonly ms: number
  readonly at: number
  readonly loop: number
  readonly waitMs: number
  readonly waits: number
  /** Refused in the turn queue: of which service is not known. */
  readonly shed: number
  readonly services: ReadonlyMap<string, { use: number; shed: number }>
}

export class ServiceLoad {
  readonly #init: ServiceLoadInit
  readonly #loopUse: () => number
  #looks: Look[] = []
  #lastLook: number | undefined
  #windowMs: number = loadDefaults.windowMs
  #waitMs = 0
  #waits = 0
  #shed = 0

  constructor(init: ServiceLoadInit) {
    this.#init = init
    this.#loopUse = init.loopUse ?? loopUse()
  }

  /** Means are taken over so many ms from now on. */
  over(windowMs: number): void {
    this.#windowMs = windowMs
  }

  /** A request started after it waited for its turn. */
  readonly turnWaited: TurnMetrics['turnWaited'] = ms => {
    this.#waitMs += ms
    this.#waits++
  }

  /** A request was not started. */
  readonly turnRefused: TurnMetrics['turnRefused'] = reason => {
    if (reason === 'shed') this.#shed++
  }

  /** Adds what happened since the last look to the window. @param now monotonic ms */
  look(now: number): void {
    const since = this.#lastLook
    this.#lastLook = now
    const services = this.#services(now)
    const loop = this.#loopUse()
    if (since !== undefined && now > since)
      this.#looks.push({
        ...{ ms: now - since, at: now, loop, services },
        ...{ waitMs: this.#waitMs, waits: this.#waits, shed: this.#shed },
      })
    this.#looks = this.#looks.filter(({ at }) => now - at < this.#windowMs)
    this.#waitMs = this.#waits = this.#shed = 0
  }

  /** The load of each service of the program; before the second look there is none. */
  reports(): ServiceLoadReport[] {
    const ms = this.#looks.reduce((sum, look) => sum + look.ms, 0)
    if (ms === 0) return []
    const loop = this.#looks.reduce((sum, look) => sum + look.loop * look.ms, 0) / ms
    const waits = this.#looks.reduce((sum, look) => sum + look.waits, 0)
    const waitMs = this.#looks.reduce((sum, look) => sum + look.waitMs, 0)
    const shed = this.#looks.reduce((sum, look) => sum + look.shed, 0)
    const queueMs = waits === 0 ? 0 : waitMs / waits
    return this.#names().map(service => {
      const of = this.#looks.map(look => ({ ms: look.ms, ...look.services.get(service) }))
      const use = of.reduce((sum, each) => sum + (each.use ?? 0) * each.ms, 0) / ms
      const refused = shed + of.reduce((sum, each) => sum + (each.shed ?? 0), 0)
      const saturation = Math.min(
        1,
        Math.max(use, loop, queueMs / (this.#init.mostWaitMs ?? turnDefaults.mostWaitMs)),
      )
      return { service, saturation, queueMs, shedPerMinute: (refused / ms) * 60_000 }
    })
  }

  /** Those of the program: `host` is served by all. */
  #names(): string[] {
    return this.#init.registry.contracts
      .filter(({ name }) => name !== loadDefaults.without)
      .map(({ name, version }) => `${name}@${version}`)
  }

  #services(now: number): Map<string, { use: number; shed: number }> {
    const services = new Map<string, { use: number; shed: number }>()
    for (const { served, use, refused } of this.#init.limiter.uses(now)) {
      const ref = this.#init.registry.refOf(served)
      if (ref === undefined) continue
      const known = services.get(ref) ?? { use: 0, shed: 0 }
      services.set(ref, { use: Math.max(known.use, use), shed: known.shed + refused })
    }
    return services
  }
}

function loopUse(): () => number {
  let last: EventLoopUtilization = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return Number.isFinite(utilization) ? utilization : 0
  }
}
