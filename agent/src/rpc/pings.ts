import { checkDuration } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'
import { askId } from './bulk-lane.ts'
import { pingTimeoutMs } from './defaults.ts'
import type { Outbox } from './outbox.ts'
import { WheelEntry, type TimerWheel } from '../core/timer-wheel.ts'

class PendingPing extends WheelEntry {
  readonly sentAt: number
  readonly #resolve: (ms: number) => void
  readonly #reject: (error: MeshError) => void

  constructor(sentAt: number, resolve: (ms: number) => void, reject: (error: MeshError) => void) {
    super()
    this.sentAt = sentAt
    this.#resolve = resolve
    this.#reject = reject
  }

  answered(now: number): void {
    this.#resolve(now - this.sentAt)
  }

  fail(error: MeshError): void {
    this.#reject(error)
  }

  override expire(): void {
    this.fail(new MeshError('deadline_exceeded', 'Cannot ping: no answer in time'))
  }
}

/** Round trips measured over one link: pings overtake what waits, not what is on its way. */
export class Pings {
  readonly #outbox: Outbox
  readonly #wheel: TimerWheel
  readonly #pending = new Map<number, PendingPing>()
  #lastId = 0
  #rttMs: number | undefined

  constructor(outbox: Outbox, wheel: TimerWheel) {
    this.#outbox = outbox
    this.#wheel = wheel
  }

  /** The shortest round trip measured, in ms; undefined: none was yet. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  ping(timeoutMs = pingTimeoutMs): Promise<number> {
    const withinMs = checkDuration(timeoutMs, 'ping')
    const id = (this.#lastId = (this.#lastId + 1) >>> 0 || 1)
    return new Promise<number>((resolve, reject) => {
      const ping = new PendingPing(this.#wheel.now(), resolve, reject)
      this.#pending.set(id, ping)
      this.#wheel.schedule(ping, ping.sentAt + withinMs)
      this.#outbox.encoder.ping(id)
      this.#outbox.appended()
    }).finally(() => this.#pending.delete(id))
  }

  onPing(id: number): void {
    this.#outbox.encoder.pong(id)
    this.#outbox.appended()
  }

  onPong(id: number): void {
    if (id === askId) return this.#outbox.asked()
    const ping = this.#pending.get(id)
    if (ping === undefined) return
    this.#wheel.cancel(ping)
    this.#outbox.measured(ping.sentAt)
    const now = this.#wheel.now()
    this.#rttMs = Math.min(this.#rttMs ?? Infinity, now - ping.sentAt)
    ping.answered(now)
  }

  close(reason: string): void {
    for (const ping of this.#pending.values()) {
      this.#wheel.cancel(ping)
      ping.fail(new MeshError('unavailable', `Cannot ping: ${reason}`))
    }
  }
}
