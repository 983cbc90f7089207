/**
 * Keeps this member reachable through relays: a home and a standby, each with a link and a live reservation, chosen by
 * measured round trip. One loop decides; each relay held has a keeper of its own.
 */
import { timeoutSignal, timerDelay } from '@agent-mesh/protocol/timers'
import type { Link } from '../links/link.ts'
import { relayClientDefaults } from '../defaults.ts'
import { Listeners } from '../../core/listeners.ts'
import { chooseRelays, probeOrder, type RelayCandidate } from './relay-choice.ts'
import { RelayKeeper, type RelayKeeperInit } from './relay-keeper.ts'
import { untilAborted } from '../../core/until-aborted.ts'

export type RelayClientOptions = { [K in keyof typeof relayClientDefaults]: number }

export interface RelayClientInit extends Pick<
  RelayKeeperInit,
  'connect' | 'reservations' | 'replace' | 'now' | 'onError'
> {
  /** Own region; relays of it are measured first. */
  region?: string | undefined
  /** Round trip of a link, milliseconds. @default that of its hello */
  measure?: (link: Link, signal: AbortSignal) => Promise<number>
  /**
   * Called for relays that fell `silent`, and for those that `left`: they drain, and accept no agent.
   * @default never called
   */
  onTrouble?: (callback: (relayId: string, what: 'silent' | 'left') => void) => () => void
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
  options?: Partial<RelayClientOptions>
}

export class RelayClient {
  readonly #init: RelayClientInit
  readonly #options: RelayClientOptions
  readonly #random: () => number
  readonly #changed: Listeners<string[]>
  readonly #stopping = new AbortController()
  #candidates: readonly RelayCandidate[] = []
  #probed = new Set<string>()
  /** Home first. */
  #keepers: RelayKeeper[] = []
  #retired = new Set<Promise<void>>()
  /** Relays that drain, and since when: they are not chosen again for a while. */
  readonly #left = new Map<string, number>()
  readonly #untell: () => void
  #loop: Promise<void> | undefined
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  #graceTimer: NodeJS.Timeout | undefined
  #announced: string[] = []

  constructor(init: RelayClientInit) {
    this.#init = init
    this.#options = { ...relayClientDefaults, ...init.options }
    this.#random = init.random ?? Math.random
    this.#changed = new Listeners(init.onError)
    this.#untell = init.onTrouble?.((relayId, what) => this.#onTrouble(relayId, what)) ?? (() => {})
  }

  /** Relays this member can be reached through, home first; those lost a moment ago included, and those that restart, last. */
  homeRelays(): string[] {
    return [...this.#announced]
  }

  /** Home relay's link, if it is up. */
  home(): Link | undefined {
    return this.#keepers.find(keeper => keeper.link !== undefined)?.link
  }

  /** Called with {@link homeRelays} when it changes: the member then publishes its record anew. */
  onChange(callback: (homeRelays: string[]) => void): () => void {
    return this.#changed.add(callback)
  }

  /** Starts with these candidates, or continues with them. */
  update(candidates: readonly RelayCandidate[]): void {
    if (this.#stopping.signal.aborted) return
    this.#candidates = candidates
    this.#loop ??= this.#run(this.#stopping.signal)
    this.#wake.resolve()
  }

  async stop(): Promise<void> {
    this.#untell()
    this.#stopping.abort()
    this.#wake.resolve()
    clearTimeout(this.#graceTimer)
    await this.#loop
    await Promise.all([...this.#keepers.map(keeper => keeper.stop()), ...this.#retired])
    clearTimeout(this.#graceTimer)
  }

  /** The network changed: measure anew, and choose by it. */
  networkChanged(): void {
    this.#probed.clear()
    this.#wake.resolve()
  }

  /** The clock was set: the ends of reservations were computed from the wrong time. */
  clockSet(): void {
    for (const keeper of this.#keepers) keeper.renew()
    this.#wake.resolve()
  }

  #onTrouble(relayId: string, what: 'silent' | 'left'): void {
    const keeper = this.#keepers.find(({ relay }) => relay.peerId === relayId)
    if (keeper === undefined || this.#stopping.signal.aborted) return
    if (what === 'left') this.#left.set(relayId, this.#init.now())
    keeper.letGo(what === 'left')
    this.#announce()
    this.#wake.resolve()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers()
      try {
        await this.#decide(signal)
      } catch (error) {
        this.#init.onError(error)
      }
      const timer = setTimeout(this.#wake.resolve, timerDelay(this.#pauseMs()))
      if (!signal.aborted) await this.#wake.promise
      clearTimeout(timer)
    }
  }

  /** Until the next decision: when a relay has been unreachable for long enough, or the next measurement is due. */
  #pauseMs(): number {
    const { replaceMs, measureMs } = this.#options
    const measure = measureMs * (0.75 + this.#random() / 2)
    const waits = this.#keepers
      .filter(keeper => keeper.link === undefined)
      .map(({ downMs }) => (downMs > replaceMs ? replaceMs : replaceMs - downMs + 1))
    return Math.min(measure, ...waits)
  }

  /** Unreachable for so long that another relay takes its place, or leaving. */
  #goneRelays(): Set<string> {
    const { replaceMs, leftMs } = this.#options
    const before = this.#init.now() - leftMs
    for (const [relayId, at] of this.#left) if (at < before) this.#left.delete(relayId)
    const down = this.#keepers.filter(keeper => keeper.downMs > replaceMs)
    return new Set([...down.map(({ relay }) => relay.peerId), ...this.#left.keys()])
  }

  async #decide(signal: AbortSignal): Promise<void> {
    const { relays: count, switchRatio, switchMs } = this.#options
    const known = new Set(this.#candidates.map(candidate => candidate.peerId))
    const current = this.#keepers.map(keeper => keeper.relay.peerId).filter(peerId => known.has(peerId))
    const gone = this.#goneRelays()
    const stay = current.filter(peerId => !gone.has(peerId))
    const roundTrips = await this.#roundTrips(current, stay.length < count, signal)
    if (signal.aborted) return
    const chosen = chooseRelays({ current, roundTrips, gone, count, switchRatio, switchMs })
    // None answered in time: keep the current relays, and keep dialling the others.
    const wanted = new Set([...chosen, ...stay, ...current, ...known])
    this.#hold([...wanted].slice(0, count))
  }

  /** Measures the relays held, and others when a place is free or they are new. */
  async #roundTrips(
    held: readonly string[],
    placeFree: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, number>> {
    const { probes, probeMs } = this.#options
    const others = this.#candidates.filter(
      ({ peerId }) =>
        !held.includes(peerId) && !this.#left.has(peerId) && (placeFree || !this.#probed.has(peerId)),
    )
    const asked = probeOrder(others, this.#init.region, this.#random).slice(0, probes)
    const limit = AbortSignal.any([signal, timeoutSignal(probeMs)])
    const roundTrips = new Map<string, number>()
    const ask = async (peerId: string, link: Promise<Link>) => {
      try {
        roundTrips.set(peerId, await this.#measure(await link, limit))
      } catch (error) {
        if (!signal.aborted) this.#init.onError(error)
      }
    }
    for (const { peerId } of this.#candidates) this.#probed.add(peerId)
    const linked = this.#keepers.flatMap(({ relay, link }) =>
      link !== undefined && held.includes(relay.peerId) ? [{ peerId: relay.peerId, link }] : [],
    )
    await Promise.all([
      ...linked.map(({ peerId, link }) => ask(peerId, Promise.resolve(link))),
      ...asked.map(relay => ask(relay.peerId, this.#init.connect(relay, limit))),
    ])
    return roundTrips
  }

  async #measure(link: Link, signal: AbortSignal): Promise<number> {
    const { measure } = this.#init
    if (measure !== undefined) link.rttMs = await untilAborted(measure(link, signal), signal)
    return link.rttMs ?? Infinity
  }

  #hold(peerIds: readonly string[]): void {
    const held = new Map(this.#keepers.map(keeper => [keeper.relay.peerId, keeper]))
    const keepers = peerIds.flatMap(peerId => {
      const keeper = held.get(peerId)
      held.delete(peerId)
      const relay = this.#candidates.find(candidate => candidate.peerId === peerId)
      return keeper ?? (relay === undefined ? [] : this.#keep(relay))
    })
    this.#keepers = keepers
    for (const dropped of held.values()) {
      const ending: Promise<void> = dropped.stop().finally(() => this.#retired.delete(ending))
      this.#retired.add(ending)
    }
    for (const keeper of keepers) keeper.start()
    this.#announce()
  }

  #keep(relay: RelayCandidate): RelayKeeper {
    const { retryMs, maxRetryMs, leftMs } = this.#options
    // A relay may have moved since: its newest addresses are dialled.
    const connect = (_: RelayCandidate, signal: AbortSignal) => {
      const newest = this.#candidates.find(candidate => candidate.peerId === relay.peerId)
      return this.#init.connect(newest ?? relay, signal)
    }
    const onChange = () => this.#announce()
    return new RelayKeeper({ ...this.#init, relay, connect, retryMs, maxRetryMs, leftMs, onChange })
  }

  #announce(): void {
    if (this.#stopping.signal.aborted) return
    clearTimeout(this.#graceTimer)
    const listed = this.#keepers.filter(
      keeper =>
        keeper.link !== undefined ||
        (this.#graceLeftMs(keeper) > 0 && this.#announced.includes(keeper.relay.peerId)),
    )
    const waits = listed.filter(({ link }) => link === undefined).map(keeper => this.#graceLeftMs(keeper))
    if (waits.length > 0)
      this.#graceTimer = setTimeout(() => this.#announce(), timerDelay(Math.min(...waits) + 1))
    const restarts = ({ link, relay }: RelayKeeper) => link === undefined && this.#left.has(relay.peerId)
    const lastRestarting = listed.toSorted((a, b) => Number(restarts(a)) - Number(restarts(b)))
    const next = lastRestarting.map(({ relay }) => relay.peerId)
    next.push(...this.#notYetReplaced().slice(0, this.#keepers.length - listed.length))
    if (next.join() === this.#announced.join()) return
    this.#announced = next
    this.#changed.emit([...next])
  }

  /** Relays that left, and were listed when another took their place, which has no reservation yet: one record tells of both. */
  #notYetReplaced(): string[] {
    const isHeld = (peerId: string) => this.#keepers.some(({ relay }) => relay.peerId === peerId)
    const isKnown = (peerId: string) => this.#candidates.some(candidate => candidate.peerId === peerId)
    return this.#announced.filter(peerId => this.#left.has(peerId) && !isHeld(peerId) && isKnown(peerId))
  }

  /**
   * How long a relay without a reservation stays listed, ms. One that restarts refuses what is dialled over it in no time, and without it
   * each agent would publish two records: all of them at the same moment, while circuits move, and at last later than the relay is back.
   */
  #graceLeftMs({ relay, downMs }: RelayKeeper): number {
    const { graceMs, loneGraceMs, leftMs } = this.#options
    const lostMs = this.home() === undefined ? loneGraceMs : graceMs
    return (this.#left.has(relay.peerId) ? Math.max(leftMs, lostMs) : lostMs) - downMs
  }
}
