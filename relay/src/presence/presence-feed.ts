/**
 * Presence of the agents homed here, for followers of the map: numbered changes, those of 50 to 300 ms in one. A follower
 * that is up to date gets the next change, the same object for all; one that lags gets what it missed, a new one all agents.
 */
import { limits, type MapMessage } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { relayDefaults } from '../defaults.ts'
import type { HomedAgents, HomedChange } from './homed-agents.ts'

export type PresenceMessage = Extract<MapMessage, { type: 'presence' }>

/** What a follower lacks, and the number it is at once it has it. */
export interface PresenceStep {
  messages: readonly PresenceMessage[]
  at: number
}

export interface PresenceFeedInit {
  homed: Pick<HomedAgents, 'peers' | 'onChange'>
  /** How long changes are gathered, ms. */
  gatherMs: () => number
  /** Called when followers that were up to date lag. */
  onStep: () => void
}

export class PresenceFeed {
  readonly #gatherMs: () => number
  readonly #onStep: () => void
  readonly #unlisten: () => void
  /** Agents that are online at number `#at`. */
  readonly #online: Set<string>
  /** Changes not yet numbered; true: came online. */
  readonly #pending = new Map<string, boolean>()
  /** The newest steps, oldest first; the last one has number `#at`. */
  readonly #steps: (readonly PresenceMessage[])[] = []
  #at = 0
  /** All agents at number `#at`, made when first asked for. */
  #all: readonly PresenceMessage[] | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(init: PresenceFeedInit) {
    this.#gatherMs = init.gatherMs
    this.#onStep = init.onStep
    this.#online = new Set(init.homed.peers())
    this.#unlisten = init.homed.onChange(change => this.#changed(change))
  }

  /** @param at number of what the follower has; undefined: nothing. @returns undefined when it is level */
  after(at: number | undefined): PresenceStep | undefined {
    if (at === this.#at) return undefined
    const missed = at === undefined ? Infinity : this.#at - at
    const messages = missed > this.#steps.length ? this.#whole() : this.#steps.slice(-missed).flat()
    return { messages, at: this.#at }
  }

  stop(): void {
    this.#unlisten()
    clearTimeout(this.#timer)
  }

  #changed({ up, down }: HomedChange): void {
    for (const peerId of up) this.#pending.set(peerId, true)
    for (const peerId of down) this.#pending.set(peerId, false)
    this.#timer ??= setTimeout(() => this.#step(), timerDelay(this.#gatherMs()))
  }

  /**
   * Numbers the pending changes. An agent that went offline and came back is none; one that came and went is: followers may know from
   * its record that it was there.
   */
  #step(): void {
    this.#timer = undefined
    const changes = [...this.#pending].filter(([peerId, online]) => !online || !this.#online.has(peerId))
    this.#pending.clear()
    if (changes.length === 0) return
    const up = changes.filter(([, online]) => online).map(([peerId]) => peerId)
    const down = changes.filter(([, online]) => !online).map(([peerId]) => peerId)
    for (const peerId of up) this.#online.add(peerId)
    for (const peerId of down) this.#online.delete(peerId)
    this.#steps.push(inMessages(up, down, false))
    if (this.#steps.length > relayDefaults.presenceSteps) this.#steps.shift()
    this.#at++
    this.#all = undefined
    this.#onStep()
  }

  #whole(): readonly PresenceMessage[] {
    return (this.#all ??= inMessages([...this.#online], [], true))
  }
}

/** As many messages as their limit asks for, one at least. */
function inMessages(up: readonly string[], down: readonly string[], full: boolean): PresenceMessage[] {
  const most = limits.mapPairs
  const count = Math.max(1, Math.ceil(Math.max(up.length, down.length) / most))
  return Array.from({ length: count }, (_, i) => ({
    type: 'presence',
    full: full && i === 0,
    up: up.slice(i * most, (i + 1) * most),
    down: down.slice(i * most, (i + 1) * most),
  }))
}
