/** One attempt's messages: handled in the order of arrival, signals of WebRTC apart. */
import {
  MeshError,
  upgradeLimits,
  upgradeMessageSchema,
  type UpgradeMessage,
  type UpgradeSignal,
} from '@agent-mesh/protocol'
import type { ByteStream } from '../libp2p/byte-stream.ts'
import { messageStream, type MessageStream } from '../message-stream.ts'
import { upgradeDefaults } from './defaults.ts'

type Message = Exclude<UpgradeMessage, UpgradeSignal>

export class Conversation {
  readonly #stream: ByteStream
  readonly #messages: MessageStream
  readonly #arrived: Message[] = []
  readonly #signals: UpgradeSignal[] = []
  #onSignal: ((signal: UpgradeSignal) => void) | undefined
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()
  #count = 0
  #over = false

  constructor(stream: ByteStream) {
    this.#stream = stream
    this.#messages = messageStream({
      stream,
      schema: upgradeMessageSchema,
      maxBytes: upgradeLimits.messageBytes,
      onMessage: message => this.#take(message),
    })
    stream.onClose(() => {
      this.#over = true
      this.#wake.resolve()
    })
  }

  #take(message: UpgradeMessage): void {
    if (++this.#count > upgradeDefaults.maxMessages)
      throw new MeshError(
        'protocol_error',
        `Cannot upgrade: more than ${upgradeDefaults.maxMessages} messages`,
      )
    if (message.type !== 'signal') {
      this.#arrived.push(message)
      this.#wake.resolve()
    } else if (this.#onSignal === undefined) this.#signals.push(message)
    else this.#onSignal(message)
  }

  /** The next message but signals. @throws MeshError unavailable when the stream has ended; the signal's reason */
  async next(signal: AbortSignal): Promise<Message> {
    const stop = () => this.#wake.resolve()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for (;;) {
        const message = this.#arrived.shift()
        if (message !== undefined) return message
        signal.throwIfAborted()
        if (this.#over) throw new MeshError('unavailable', 'Cannot upgrade: the relayed path ended meanwhile')
        this.#wake = Promise.withResolvers()
        await this.#wake.promise
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Signals that came already are delivered at once. */
  onSignal(callback: (signal: UpgradeSignal) => void): void {
    this.#onSignal = callback
    for (const signal of this.#signals.splice(0)) callback(signal)
  }

  send(message: UpgradeMessage): void {
    this.#messages.send(message)
  }

  close(): void {
    this.#messages.close()
  }

  abort(error: MeshError): void {
    this.#stream.abort(error)
  }
}
