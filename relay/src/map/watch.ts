/** The watch connection to the control plane: head and map changes the moment they are written. */
import { mapMessageBytes, mapMessageSchema, parseJson, type MapMessage } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import type { Logger } from '@agent-mesh/agent'
import { ExponentialBackoff } from 'cockatiel'
import { WebSocket } from 'ws'
import { relayDefaults } from '../defaults.ts'

export interface WatchInit {
  /** Where to connect to now, with the cursor to continue from; undefined while that is not known. */
  target: () => Promise<{ url: URL; headers: Record<string, string> } | undefined>
  onMessage: (message: MapMessage) => Promise<void>
  log: Logger
  /** A connection that was silent for so long is opened again, ms. @default `watchSilenceMs` */
  silenceMs?: number | undefined
  /** It was. @default not reported */
  onSilent?: (() => void) | undefined
}

/** Connects, and again with growing, jittered pauses, until stopped. */
export class Watch {
  readonly #target: WatchInit['target']
  readonly #log: Logger
  readonly #onMessage: (message: MapMessage) => Promise<void>
  readonly #backoff = new ExponentialBackoff({
    initialDelay: relayDefaults.watchRetryMinMs,
    maxDelay: relayDefaults.watchRetryMaxMs,
  })
  #pause = this.#backoff.next()
  #socket: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #alive: NodeJS.Timeout | undefined
  #handling: Promise<void> = Promise.resolve()
  readonly #silenceMs: number
  readonly #onSilent: (() => void) | undefined
  #started = false
  #stopped = false

  constructor(init: WatchInit) {
    this.#target = init.target
    this.#log = init.log
    this.#onMessage = init.onMessage
    this.#silenceMs = init.silenceMs ?? relayDefaults.watchSilenceMs
    this.#onSilent = init.onSilent
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Idempotent. */
  start(): void {
    if (this.#stopped || this.#started) return
    this.#started = true
    void this.#connect()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#alive)
    this.#socket?.terminate()
    await this.#handling
  }

  async #connect(): Promise<void> {
    try {
      const target = await this.#target()
      if (this.#stopped) return
      if (target === undefined) return this.#retryLater()
      const { url, headers } = target
      const handshakeTimeout = relayDefaults.watchHandshakeMs
      this.#open(new WebSocket(url, { headers, handshakeTimeout, maxPayload: mapMessageBytes }))
    } catch (error) {
      this.#log.debug({ event: 'watch-not-opened', err: error }, 'watch connection not opened')
      this.#retryLater()
    }
  }

  #open(socket: WebSocket): void {
    this.#socket = socket
    socket.on('open', () => {
      this.#pause = this.#backoff.next()
      this.#heard()
    })
    socket.on('ping', () => this.#heard())
    socket.on('message', data => {
      this.#heard()
      this.#handling = this.#handling.then(() => this.#handle(String(data)))
    })
    socket.on('error', err => this.#log.debug({ event: 'watch-failed', err }, 'watch connection failed'))
    socket.on('close', () => {
      this.#socket = undefined
      clearTimeout(this.#alive)
      this.#retryLater()
    })
  }

  /** A connection that is silent longer than the server's pings are apart is dead. */
  #heard(): void {
    clearTimeout(this.#alive)
    this.#alive = setTimeout(() => {
      this.#onSilent?.()
      this.#socket?.terminate()
    }, timerDelay(this.#silenceMs))
  }

  async #handle(text: string): Promise<void> {
    try {
      await this.#onMessage(parseJson(mapMessageSchema, text, 'read watch message', 'protocol_error'))
    } catch (error) {
      this.#log.warn({ event: 'push-refused', err: error }, 'refused what the control plane pushed')
    }
  }

  #retryLater(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#connect(), timerDelay(this.#pause.duration))
    this.#pause = this.#pause.next(undefined)
  }
}
