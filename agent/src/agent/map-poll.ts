/** Polls the control plane for head and map while no relay keeps them current. */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { ExponentialBackoff } from 'cockatiel'
import { pullMap, type MapPullInit } from '../discovery/map-pull.ts'
import type { Logger } from '../observe/logger.ts'
import { agentDefaults } from './defaults.ts'

export interface MapPollInit extends MapPullInit {
  /** Whether a relay keeps the map current at this moment. */
  live: () => boolean
  log: Logger
}

export class MapPoll {
  readonly #init: MapPollInit
  readonly #stopping = new AbortController()
  readonly #backoff = new ExponentialBackoff({
    initialDelay: agentDefaults.pollMinMs,
    maxDelay: agentDefaults.pollMaxMs,
  })
  #pause = this.#backoff.next()
  #timer: NodeJS.Timeout | undefined
  #first: Promise<void> | undefined
  #running: Promise<void> | undefined

  constructor(init: MapPollInit) {
    this.#init = init
  }

  /** Idempotent. @returns when the first poll is over, with or without a reply */
  start(): Promise<void> {
    return (this.#first ??= this.#next())
  }

  /** Looks now, unless it does just then. */
  now(): void {
    if (this.#timer === undefined || this.#stopping.signal.aborted) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pause = this.#backoff.next()
    void this.#next()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #next(): Promise<void> {
    return (this.#running = this.#poll())
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping
    if (signal.aborted) return
    const live = this.#init.live()
    if (!live) await this.#pull(signal)
    if (signal.aborted) return
    const again = () => {
      this.#timer = undefined
      void this.#next()
    }
    this.#timer = setTimeout(again, timerDelay(live ? agentDefaults.pollCheckMs : this.#pause.duration))
    this.#pause = live ? this.#backoff.next() : this.#pause.next(undefined)
  }

  async #pull(signal: AbortSignal): Promise<void> {
    try {
      await pullMap(this.#init, signal)
    } catch (error) {
      if (!signal.aborted)
        this.#init.log.warn({ event: 'map-not-read', err: error }, 'map not read; using the one on disk')
    }
  }
}
