/**
 * Notices that this host's network changed: addresses changed, or the machine slept. Node reports nothing of it, so
 * the interfaces are compared at a slow pace, which costs some 50 us each time.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { networkInterfaces } from 'node:os'
import { transportDefaults } from './defaults.ts'
import { Listeners } from '../core/listeners.ts'

export interface NetworkWatchInit {
  /** @default those of this host */
  interfaces?: typeof networkInterfaces
  /** Unix milliseconds, which advance while the machine sleeps. @default Date.now */
  wallClock?: () => number
  everyMs?: number
  onError: (error: unknown) => void
}

export interface NetworkChange {
  /** IP addresses that this host has now and had not, and the other way round. */
  came: string[]
  went: string[]
  /** The machine slept, or its clock was set forward. */
  slept: boolean
}

export class NetworkWatch {
  readonly #interfaces: typeof networkInterfaces
  readonly #wallClock: () => number
  readonly #everyMs: number
  readonly #changed: Listeners<NetworkChange>
  #addresses: Set<string>
  #lookedAt: number
  #timer: NodeJS.Timeout | undefined

  constructor({ interfaces, wallClock, everyMs, onError }: NetworkWatchInit) {
    this.#interfaces = interfaces ?? networkInterfaces
    this.#wallClock = wallClock ?? Date.now
    this.#everyMs = everyMs ?? transportDefaults.networkWatchMs
    this.#changed = new Listeners(onError)
    this.#addresses = this.#read()
    this.#lookedAt = this.#wallClock()
  }

  onChange(callback: (change: NetworkChange) => void): () => void {
    return this.#changed.add(callback)
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), timerDelay(this.#everyMs)).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Compares once. */
  look(): void {
    const before = this.#addresses
    const now = (this.#addresses = this.#read())
    const at = this.#wallClock()
    const slept = at - this.#lookedAt > this.#everyMs + transportDefaults.sleptMs
    this.#lookedAt = at
    const came = [...now].filter(address => !before.has(address))
    const went = [...before].filter(address => !now.has(address))
    if (came.length + went.length > 0 || slept) this.#changed.emit({ came, went, slept })
  }

  /** Without loopback, and without link-local addresses, which say nothing of where this host is. */
  #read(): Set<string> {
    const all = Object.values(this.#interfaces()).flatMap(list => list ?? [])
    const outer = all.filter(({ internal, address }) => !internal && !/^fe80:|^169\.254\./i.test(address))
    return new Set(outer.map(({ address }) => address))
  }
}
