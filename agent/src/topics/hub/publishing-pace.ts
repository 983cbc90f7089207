import { timerDelay } from '@agent-mesh/protocol/timers'
import type { ByteStream } from '../../core/byte-stream.ts'
import { TokenBucket } from '../../core/token-bucket.ts'
import { topicDefaults } from '../defaults.ts'

/** A member that publishes faster than it may is not read for a while: its own queue fills. */
export class PublishingPace {
  readonly #stream: ByteStream
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  #timer: NodeJS.Timeout | undefined

  constructor(stream: ByteStream) {
    this.#stream = stream
    const { messagesPerSecond, messagesAtOnce, bytesPerSecond, bytesAtOnce } = topicDefaults
    this.#messages = new TokenBucket(messagesPerSecond, messagesAtOnce, performance.now())
    this.#bytes = new TokenBucket(bytesPerSecond, bytesAtOnce, performance.now())
  }

  took(messages: number, bytes: number): void {
    const now = performance.now()
    this.#messages.take(messages, now)
    this.#bytes.take(bytes, now)
    const wait = Math.max(this.#messages.wait(now), this.#bytes.wait(now))
    if (wait === 0 || this.#timer !== undefined) return
    this.#stream.pause()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#stream.resume()
    }, timerDelay(wait))
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
