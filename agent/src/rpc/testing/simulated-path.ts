/**
 * A path with one slow hop, in virtual time: how much a {@link SendWindow} lets a sender put on it, and how long pings beside that take.
 * What is sent in one write is readable when its last byte has arrived, as a record of TLS is.
 */
import { wheelTickMs } from '../../core/defaults.ts'
import { SendWindow } from '../send-window.ts'

export interface SimulatedPathInit {
  /** Bytes a ms. */
  readonly rate: number
  /** ms, without a queue. */
  readonly roundTrip: number
  /** ms at most that each way may take longer, as the scheduler of a busy machine makes it. @default 0 */
  readonly jitter?: number
  /** What the hop carries: packets, or all that has arrived at a time, stored until the last byte is there. @default packets */
  readonly hop?: 'packets' | 'lumps'
  /** Of the jitter. @default 1 */
  readonly seed?: number
}

/** One write of the sender. */
interface Written {
  readonly bytes: number
  readonly parts: number
  readonly pingAt?: number
  /** It is of the sender itself, before parts. */
  readonly asked?: true
}

const pingBytes = 60
const partOverhead = 40
/** Of TLS; a larger part is a write of its own. */
const recordBytes = 16 * 1024
/** What a hop that stores reads at a time. */
const lumpBytes = 64 * 1024

export class SimulatedPath {
  rate: number
  roundTrip: number
  readonly window = new SendWindow()
  readonly #jitter: number
  readonly #lumps: boolean
  #random: number
  #now = 0
  /** What happens later, in its order. */
  readonly #later: { at: number; what: () => void }[] = []
  /** Writes that wait for the hop. */
  readonly #waiting: Written[] = []
  #free = 0
  #readAt = 0
  #heardAt = 0
  #sent = 0
  #read = 0
  #pings: number[] = []
  #asked = false
  #carried = 0

  constructor({ rate, roundTrip, jitter = 0, hop = 'packets', seed = 1 }: SimulatedPathInit) {
    this.rate = rate
    this.roundTrip = roundTrip
    this.#jitter = jitter
    this.#lumps = hop === 'lumps'
    this.#random = seed
  }

  /** Sends all that the window lets, with one ping after the other beside it, for so many ms. */
  run(ms: number): { share: number; pings: number[] } {
    const end = this.#now + ms
    this.#pings = []
    this.#carried = 0
    if (this.#later.length === 0) this.#begin()
    while (this.#later[0]!.at <= end) {
      const next = this.#later.shift()!
      this.#now = next.at
      next.what()
    }
    this.#now = end
    return { share: this.#carried / (ms * this.rate), pings: this.#pings.sort((a, b) => a - b) }
  }

  /** Sends nothing for so many ms; what is on its way arrives. */
  rest(ms: number): void {
    this.#later.length = this.#waiting.length = 0
    this.#now += 1_000
    this.#read = this.#sent
    this.window.delivered(this.#read, this.#now)
    this.#asked = false
    this.#free = this.#now += ms
  }

  #begin(): void {
    this.#ping()
    this.#tick()
  }

  #at(at: number, what: () => void): void {
    let index = this.#later.length
    while (index > 0 && this.#later[index - 1]!.at > at) index--
    this.#later.splice(index, 0, { at, what })
  }

  /** The timer wheel: parts whose time came between two other events. */
  #tick(): void {
    this.#send()
    this.#at(this.#now + wheelTickMs, () => this.#tick())
  }

  #ping(): void {
    this.#write({ bytes: pingBytes, parts: 0, pingAt: this.#now })
    this.#send()
  }

  #send(): void {
    if (!this.#asked && this.window.wantsPing(this.#now)) {
      this.#asked = true
      this.#write({ bytes: pingBytes, parts: 0, pingAt: this.#now, asked: true })
    }
    for (;;) {
      let [bytes, parts] = [0, 0]
      while (
        (parts === 0 || bytes + this.window.partBytes <= recordBytes) &&
        this.window.hasRoom(this.#now)
      ) {
        const part = this.window.partBytes
        this.window.sent(part, this.#now)
        bytes += part + partOverhead
        parts++
        this.#sent++
      }
      if (parts === 0) return
      this.#write({ bytes, parts })
    }
  }

  #write(written: Written): void {
    this.#waiting.push(written)
    if (this.#lumps && this.#free > this.#now) return
    this.#carry()
  }

  /** The hop takes what waits. */
  #carry(): void {
    const taken = this.#waiting.splice(0, this.#lumps ? lumpOf(this.#waiting) : Infinity)
    if (taken.length === 0) return
    this.#free = Math.max(this.#free, this.#now)
    for (const written of taken) {
      this.#free += written.bytes / this.rate
      if (!this.#lumps) this.#arrive([written])
    }
    if (!this.#lumps) return
    this.#arrive(taken)
    this.#at(this.#free, () => this.#carry())
  }

  #arrive(all: readonly Written[]): void {
    this.#readAt = Math.max(this.#readAt, this.#free + this.#oneWay())
    const at = (this.#heardAt = Math.max(this.#heardAt, this.#readAt + this.#oneWay()))
    this.#at(at, () => all.forEach(written => this.#answered(written)))
  }

  #answered({ bytes, parts, pingAt, asked }: Written): void {
    if (pingAt !== undefined) {
      this.window.measured(pingAt, this.#now)
      if (asked !== true) {
        this.#pings.push(this.#now - pingAt)
        return this.#ping()
      }
      this.#asked = false
      return this.#send()
    }
    this.#carried += bytes
    this.#read = this.#read + parts
    this.window.delivered(this.#read, this.#now)
    this.#send()
  }

  /** ms; the generator is that of Park and Miller. */
  #oneWay(): number {
    this.#random = (this.#random * 48_271) % 0x7fff_ffff
    return this.roundTrip / 2 + (this.#jitter * this.#random) / 0x7fff_ffff
  }
}

/** How many writes the hop reads at once; one that is larger than a lump it reads alone. */
function lumpOf(waiting: readonly Written[]): number {
  let [count, bytes] = [0, 0]
  while (count < waiting.length && (bytes += waiting[count]!.bytes) <= lumpBytes) count++
  return Math.max(1, count)
}
