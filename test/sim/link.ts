/** A link between two processes, and what the network needs of each. */
import type { SwimMessage } from '@agent-mesh/protocol'

/** A silent link is given up after this, ms. */
export const lostMs = 15_000

export type Sent = SwimMessage | 'ping' | 'pong'

/** A process at the end of links. */
export interface End {
  readonly isRelay: boolean
  readonly isOn: boolean
  /** Its host is off: it does not even refuse. */
  readonly isSilent: boolean
  /** How often it was started. */
  readonly boots: number
  readonly links: Map<End, Link>
  readonly dialling: Set<End>
  onUp(peer: End): void
  onDown(peer: End, closed: boolean): void
  /** A dial did not reach it. */
  onUnreached(peer: End): void
  onSent(peer: End, sent: Sent, link: Link): void
  /** Runs when sockets are read. */
  whenReading(run: () => void): void
  /** Runs `ms` from now, or when it runs again. */
  whenRunning(ms: number, run: () => void): void
  /** What it shows in its hello. */
  readonly name: string
  readonly incarnation: number
  readonly proof: string
}

export class Link {
  readonly ends: readonly [End, End]
  /** When the next message of each end may arrive at the earliest: order is kept. */
  readonly arrives: [number, number] = [0, 0]
  /** When each end last heard the other. */
  readonly heardAt: [number, number]
  usedAt: number
  up = true
  /** Of each end: messages that a blocked path holds back. */
  readonly held: [(() => void)[], (() => void)[]] = [[], []]

  constructor(ends: readonly [End, End], now: number) {
    this.ends = ends
    this.heardAt = [now, now]
    this.usedAt = now
  }

  /** The side of this process: 0 or 1. */
  sideOf(process: End): 0 | 1 {
    return this.ends[0] === process ? 0 : 1
  }

  other(process: End): End {
    return this.ends[1 - this.sideOf(process)] ?? process
  }
}
