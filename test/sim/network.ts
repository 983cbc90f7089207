/**
 * Links as TCP: what is sent arrives in order, late perhaps, never twice and never lost while the link stands. A path that is
 * blocked holds it back; a host that is off takes it and says nothing.
 */
import { swimBytes } from '@agent-mesh/protocol'
import type { Kernel } from './kernel.ts'
import { Link, lostMs, type End, type Sent } from './link.ts'
import type { Random } from './random.ts'

/** Bytes of a frame around it: its preamble, yamux, the TLS record, TCP and IP, and half of an acknowledgement. */
const frameBytes = 12 + 12 + 22 + 52 + 26
/** TLS, hello with record and credential, both ways. */
const setUpBytes = 6_000
/** An unused link is closed. */
const idleMs = 300_000
/** Without an answer a SYN is sent again after these, and the dial ends at last. */
const dialAgainMs = [1_000, 2_000]
const dialLastMs = 2_000

export interface NetworkInit {
  kernel: Kernel
  random: Random
  /** Share of messages that TCP repeats: 200 to 1,000 ms late. */
  late: number
}

export class Network {
  readonly #kernel: Kernel
  readonly #random: Random
  readonly #late: number
  /** Whether a path from one to the other is blocked; faults are added. */
  readonly blocks: ((from: End, to: End) => boolean)[] = []
  /** Ms more for messages between these; faults are added. */
  readonly delays: ((from: End, to: End) => number)[] = []
  #bytes = 0
  #messages = 0

  constructor(init: NetworkInit) {
    this.#kernel = init.kernel
    this.#random = init.random
    this.#late = init.late
  }

  /** Bytes that agents sent and received, those to set up links among them. */
  get bytes(): number {
    return this.#bytes
  }

  get messages(): number {
    return this.#messages
  }

  isBlocked(from: End, to: End): boolean {
    return this.blocks.some(block => block(from, to))
  }

  send(link: Link, from: End, sent: Sent): void {
    if (!link.up) return
    this.#messages++
    this.#count(link.ends, frameBytes + (typeof sent === 'string' ? 0 : swimBytes(sent)))
    link.usedAt = this.#kernel.now
    const side = link.sideOf(from)
    const to = link.other(from)
    const go = () => {
      const at = Math.max(link.arrives[side], this.#kernel.now + this.#latency(from, to))
      link.arrives[side] = at
      this.#kernel.at(at, () => this.#arrive(link, to, sent))
    }
    if (link.held[side].length > 0) link.held[side].push(go)
    else if (this.isBlocked(from, to)) {
      link.held[side].push(go)
      this.#kernel.after(lostMs, () => this.#giveUp(link, side, go))
    } else go()
  }

  /** What was sent first is held back still: both ends give up the link. */
  #giveUp(link: Link, side: 0 | 1, first: () => void): void {
    if (link.held[side][0] !== first) return
    this.close(
      link,
      link.ends.map(by => ({ by, closed: false })),
    )
  }

  /** A path is free again: what was held back goes, as TCP tries again. */
  unblocked(links: Iterable<Link>): void {
    for (const link of links)
      for (const side of [0, 1] as const) {
        const [from, to] = [link.ends[side], link.ends[1 - side]]
        if (to === undefined || link.held[side].length === 0 || this.isBlocked(from, to)) continue
        for (const go of link.held[side].splice(0)) go()
      }
  }

  /**
   * Opens a link, or not: a host that is off, or a blocked path, answers nothing, and TCP tries again after 1 s and 3 s; a host
   * without the process refuses.
   */
  dial(from: End, to: End): void {
    if (from.dialling.has(to) || from.links.has(to)) return
    from.dialling.add(to)
    const { boots } = from
    const ended = () => {
      if (from.boots !== boots || !from.dialling.delete(to)) return
      from.onUnreached(to)
    }
    const knock = (waits: readonly number[]) => {
      if (from.boots !== boots || !from.isOn || !from.dialling.has(to)) return
      if (to.isSilent || this.isBlocked(from, to) || this.isBlocked(to, from)) {
        const [wait, ...rest] = waits
        if (wait === undefined) return this.#kernel.after(dialLastMs, ended)
        return this.#kernel.after(wait, () => knock(rest))
      }
      const trip = this.#latency(from, to) + this.#latency(to, from)
      if (!to.isOn) return this.#kernel.after(trip, ended)
      this.#answer(from, to, 2 * trip)
    }
    knock(dialAgainMs)
  }

  /** TLS and hello; a paused process answers the hello when it runs again. */
  #answer(from: End, to: End, ms: number): void {
    const [fromBoot, toBoot] = [from.boots, to.boots]
    this.#count([from, to], setUpBytes)
    to.whenRunning(ms, () => {
      from.dialling.delete(to)
      const isWhole = from.isOn && to.isOn && from.boots === fromBoot && to.boots === toBoot
      if (isWhole && !from.links.has(to) && !this.isBlocked(from, to) && !this.isBlocked(to, from))
        this.open(from, to)
      else if (from.boots === fromBoot && !from.links.has(to)) from.onUnreached(to)
    })
  }

  open(from: End, to: End): void {
    const link = new Link([from, to], this.#kernel.now)
    from.links.set(to, link)
    to.links.set(from, link)
    from.onUp(to)
    to.onUp(from)
  }

  /** @param heard who learns of it, by a FIN or a reset */
  close(link: Link, heard: { by: End; closed: boolean }[]): void {
    if (!link.up) return
    link.up = false
    const [a, b] = link.ends
    a.links.delete(b)
    b.links.delete(a)
    for (const { by, closed } of heard) by.onDown(link.other(by), closed)
  }

  /** Links that nothing uses are closed, and both ends agree. */
  closeIdle(links: Iterable<Link>): void {
    for (const link of [...links])
      if (this.#kernel.now - link.usedAt > idleMs)
        this.close(
          link,
          link.ends.map(by => ({ by, closed: false })),
        )
  }

  #count(ends: readonly End[], bytes: number): void {
    for (const { isRelay } of ends) if (!isRelay) this.#bytes += bytes
  }

  #arrive(link: Link, to: End, sent: Sent): void {
    if (!link.up || !to.isOn) return
    to.whenReading(() => {
      if (!link.up) return
      link.heardAt[link.sideOf(to)] = this.#kernel.now
      to.onSent(link.other(to), sent, link)
    })
  }

  #latency(from: End, to: End): number {
    const usual = 10 + this.#random() * this.#random() * 180
    const late = this.#random() < this.#late ? 200 + (this.#random() < 0.05 ? 800 : 0) : 0
    return this.delays.reduce((sum, delay) => sum + delay(from, to), usual + late)
  }
}
