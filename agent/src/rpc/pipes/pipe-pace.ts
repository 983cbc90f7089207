/**
 * Bounds the bytes of all pipes of a link that are on their way, so that calls and pings behind them are answered soon: on 1 Mbit/s
 * the window of yamux alone holds two seconds. A ping behind a piece is answered when the peer's muxer has read the piece, so
 * the window of large frames ({@link SendWindow}) serves here too, and a peer need not know of it.
 */
import type { ByteGate } from '../../core/byte-gate.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'
import { windowDefaults } from '../defaults.ts'
import { SendWindow } from '../send-window.ts'
import { WakeUp } from '../wake-up.ts'
import { pipeWindow } from './defaults.ts'

export interface PipePaceInit {
  /** Sends a ping over the link, behind what was sent before. */
  ping: () => Promise<unknown>
  wheel: TimerWheel
}

const { minPartBytes } = windowDefaults

export class PipePace implements ByteGate {
  readonly #ping: () => Promise<unknown>
  readonly #wheel: TimerWheel
  readonly #window = new SendWindow(pipeWindow)
  readonly #waiting: (() => void)[] = []
  readonly #later: WakeUp
  /** Bytes since the last piece that counted: keystrokes need no ping each. */
  #uncounted = 0
  #read = 0
  #measures = false
  /** Whether the one that is called back may send. */
  #turn = false

  constructor({ ping, wheel }: PipePaceInit) {
    this.#ping = ping
    this.#wheel = wheel
    this.#later = new WakeUp(wheel, () => this.#next())
  }

  room(bytes: number): number {
    if (this.#uncounted + bytes < minPartBytes) return bytes
    const isTurn = this.#turn || this.#waiting.length === 0
    this.#turn = false
    return isTurn && this.#isOpen() ? Math.min(bytes, this.#window.partBytes) : 0
  }

  sent(bytes: number): void {
    this.#uncounted += bytes
    if (this.#uncounted < this.#window.partBytes) return
    this.#window.sent(this.#uncounted, this.#wheel.now())
    this.#uncounted = 0
    const read = () => {
      this.#window.delivered((this.#read = (this.#read + 1) >>> 0), this.#wheel.now())
      this.#next()
    }
    // A ping that fails ends a wait as well: whether the link is lost is decided elsewhere.
    this.#ping().then(read, read)
  }

  whenRoom(callback: () => void): void {
    this.#waiting.push(callback)
  }

  /** Whether a piece may be sent now; if not, what must come before is on its way. */
  #isOpen(): boolean {
    const now = this.#wheel.now()
    if (this.#window.hasRoom(now)) return true
    if (this.#window.wantsPing(now)) this.#measure(now)
    if (this.#window.nextAt > now) this.#later.by(this.#window.nextAt)
    return false
  }

  #measure(sentAt: number): void {
    if (this.#measures) return
    this.#measures = true
    const measured = () => {
      this.#measures = false
      this.#window.measured(sentAt, this.#wheel.now())
      this.#next()
    }
    this.#ping().then(measured, measured)
  }

  /** One piece of each that waits, in turns. */
  #next(): void {
    while (this.#waiting.length > 0 && this.#isOpen()) {
      this.#turn = true
      this.#waiting.shift()?.()
    }
    this.#turn = false
  }
}
