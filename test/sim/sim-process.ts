/**
 * A process as Node runs it, around the real failure detection: while it is paused nothing happens, and then its timers fire before
 * its sockets are read. Its disk may be kept, lost or an old one at the next start.
 */
import type { Evidence } from '@agent-mesh/protocol'
import {
  relayClientDefaults,
  Swim,
  type Ledger,
  type Scope,
  type SwimEvent,
  type SwimSettings,
} from '@agent-mesh/agent'
import { KeptLinks } from './kept-links.ts'
import type { Kernel } from './kernel.ts'
import { lostMs, type End, type Link, type Sent } from './link.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'

/** After a pause sockets are read so much later than timers fire, ms. */
const readsLater = 0.001
/** What has no link yet is sent within this. */
const waitsMs = 1_000

/** What a process finds around it, and tells. */
export interface Surroundings {
  find(name: string): End | undefined
  onChanged(by: SimProcess, name: string, evidence: Evidence): void
  onSuspect(by: SimProcess, name: string, suspect: boolean): void
}

export interface SimProcessInit {
  name: string
  isRelay: boolean
  world: Surroundings
  kernel: Kernel
  network: Network
  random: Random
  settings: SwimSettings
  scope: Scope
  isHomed: () => boolean
  /** The relays that it keeps a link to. */
  kept: readonly string[]
}

export class SimProcess implements End {
  readonly name: string
  readonly isRelay: boolean
  readonly links = new Map<End, Link>()
  readonly dialling = new Set<End>()
  /** The wall clock is off by this, ms. */
  clockOff = 0
  incarnation = 1
  /** What is on its disk, and what an old copy of the disk holds. */
  disk = { incarnation: 1, old: 1 }
  ledger!: Ledger
  /** How often it was started. */
  boots = 0
  pausedUntil = 0
  isOn = false
  /** Its host is off: it does not even refuse. */
  isSilent = false
  /** When it stopped last; it said so or not. */
  offAt = -Infinity
  readonly #init: SimProcessInit
  #swim: Swim | undefined
  #keptLinks: KeptLinks | undefined
  readonly #waiting = new Map<End, { sent: Sent; at: number }[]>()
  #wakeAt = Infinity

  constructor(init: SimProcessInit) {
    this.name = init.name
    this.isRelay = init.isRelay
    this.#init = init
  }

  get swim(): Swim | undefined {
    return this.#swim
  }

  get proof(): string {
    return `record of ${this.name}, incarnation ${this.incarnation}`.padEnd(900, '.')
  }

  start(ledger: Ledger): void {
    const { kernel, settings, scope, random, isHomed, name } = this.#init
    this.boots++
    this.isOn = true
    this.isSilent = false
    this.#wakeAt = Infinity
    this.disk = { incarnation: this.incarnation, old: this.disk.old }
    this.ledger = ledger
    ledger.merge(name, { incarnation: this.incarnation, state: 'alive', proof: this.proof })
    const heardAt = (peerId: string) => this.heardAt(peerId)
    const ports = { heardAt, random }
    this.#swim = new Swim({ self: name, settings, scope, ledger, ports, isHomed, now: kernel.now })
    this.step({ type: 'scope' })
    this.#keptLinks = this.#keepLinks()
  }

  /** It ends: with a farewell or without, and its host closes the sockets or is off as well. */
  stop(how: 'silent' | 'killed' | 'left'): void {
    if (!this.isOn) return
    const { kernel, network, random } = this.#init
    if (how === 'left') this.step({ type: 'leave', proof: 'farewell'.padEnd(200, '.') })
    this.isOn = false
    this.isSilent = how === 'silent'
    this.offAt = kernel.now
    this.#swim = undefined
    this.#keptLinks = undefined
    this.dialling.clear()
    this.#waiting.clear()
    for (const link of [...this.links.values()]) {
      const peer = link.other(this)
      if (how === 'silent' || network.isBlocked(this, peer)) {
        // The peer finds out by silence.
        this.links.delete(peer)
        kernel.after(lostMs + 5_000, () => network.close(link, [{ by: peer, closed: false }]))
      } else
        kernel.after(20 + random() * 80, () =>
          peer.whenReading(() => network.close(link, [{ by: peer, closed: how === 'killed' }])),
        )
    }
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#init.kernel.now + ms)
  }

  get isPaused(): boolean {
    return this.#init.kernel.now < this.pausedUntil
  }

  /** Runs when sockets are read. */
  whenReading(run: () => void): void {
    if (this.isPaused) this.#init.kernel.at(this.pausedUntil + readsLater, () => this.whenReading(run))
    else run()
  }

  /** Runs `ms` from now, or when it runs again. */
  whenRunning(ms: number, run: () => void): void {
    this.#init.kernel.after(ms, () => this.whenReading(run))
  }

  heardAt(peerId: string): number {
    const peer = this.#init.world.find(peerId)
    const link = peer && this.links.get(peer)
    return link === undefined ? -Infinity : link.heardAt[link.sideOf(this)]
  }

  onUp(peer: End): void {
    this.#sendWaiting(peer)
    this.step({ type: 'up', peer: peer.name })
    this.step({
      type: 'record',
      peer: peer.name,
      incarnation: peer.incarnation,
      proof: peer.proof,
      from: 'hello',
    })
  }

  onDown(peer: End, closed: boolean): void {
    if (!this.isOn) return
    this.step({ type: 'down', peer: peer.name, closed })
    this.#keptLinks?.ended(peer)
  }

  onUnreached(peer: End): void {
    if (this.isOn) this.#keptLinks?.failed(peer)
  }

  onSent(peer: End, sent: Sent, link: Link): void {
    if (sent === 'ping') this.#init.network.send(link, this, 'pong')
    else if (sent === 'pong') this.step({ type: 'heard', peer: peer.name })
    else this.step({ type: 'message', peer: peer.name, message: sent })
  }

  step(event: SwimEvent): void {
    const { kernel, world, network } = this.#init
    const swim = this.#swim
    if (swim === undefined) return
    for (const effect of swim.step(event, kernel.now)) {
      switch (effect.type) {
        case 'ping':
        case 'send': {
          const peer = world.find(effect.to)
          if (peer === undefined) break
          const sent = effect.type === 'ping' ? 'ping' : effect.message
          const link = this.links.get(peer)
          if (link !== undefined) network.send(link, this, sent)
          else if (effect.type === 'send') this.#sendLater(peer, sent)
          break
        }
        case 'dial': {
          const peer = world.find(effect.to)
          if (peer !== undefined) this.#dial(peer)
          break
        }
        case 'changed':
          world.onChanged(this, effect.peer, effect.evidence)
          break
        case 'suspect':
          world.onSuspect(this, effect.peer, effect.suspicion !== undefined)
          break
        case 'raise':
          this.incarnation = effect.above + 1
          this.disk.incarnation = this.incarnation
          // Signing takes a moment.
          this.whenRunning(1, () =>
            this.step({ type: 'own', incarnation: this.incarnation, proof: this.proof }),
          )
      }
    }
    this.#wake()
  }

  /** Without a link one is opened; what cannot be sent within a second is of no use. */
  #sendLater(peer: End, sent: Sent): void {
    const waiting = this.#waiting.get(peer) ?? []
    waiting.push({ sent, at: this.#init.kernel.now })
    this.#waiting.set(peer, waiting)
    this.#dial(peer)
  }

  /** Relays dial no agents. */
  #dial(peer: End): void {
    if (!this.isRelay || peer.isRelay) this.#init.network.dial(this, peer)
  }

  #keepLinks(): KeptLinks {
    const { kept, world, network, random } = this.#init
    const { retryMs: minMs, maxRetryMs: maxMs } = relayClientDefaults
    const { boots } = this
    return new KeptLinks({
      ...{ targets: kept, links: this.links, random },
      ...(this.isRelay ? {} : { retry: { minMs, maxMs } }),
      find: name => world.find(name),
      dial: peer => this.#dial(peer),
      ping: link => network.send(link, this, 'ping'),
      after: (ms, run) =>
        this.whenRunning(ms, () => {
          if (this.isOn && this.boots === boots) run()
        }),
    })
  }

  #sendWaiting(peer: End): void {
    const link = this.links.get(peer)
    for (const { sent, at } of this.#waiting.get(peer) ?? [])
      if (link !== undefined && this.#init.kernel.now - at < waitsMs)
        this.#init.network.send(link, this, sent)
    this.#waiting.delete(peer)
  }

  #wake(): void {
    const { kernel } = this.#init
    const at = this.#swim?.nextAt ?? Infinity
    if (at >= this.#wakeAt || at === Infinity) return
    this.#wakeAt = at
    const { boots } = this
    const wake = () => {
      if (!this.isOn || this.boots !== boots || this.#wakeAt !== at) return
      if (this.isPaused) return kernel.at(this.pausedUntil, wake)
      this.#wakeAt = Infinity
      this.step({ type: 'tick' })
    }
    kernel.at(at, wake)
  }
}
