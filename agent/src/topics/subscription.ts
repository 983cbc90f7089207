/** One subscription: messages wait for its reader in a bounded queue that drops its oldest and says how many it lost. */
import type { TopicPattern } from './topic-pattern.ts'

/** Who published. */
export interface Publisher {
  readonly peerId: string
  readonly name: string
}

export interface TopicMessage<Message = unknown> {
  readonly topic: string
  readonly value: Message
  readonly from: Publisher
  /** When it was published, by the publisher's clock, unix ms. */
  readonly at: number
  /** Whether it is the last value from before the subscription. */
  readonly retained: boolean
  /** Messages that were dropped right before this one, as this subscriber was too slow. */
  readonly lost: number
}

interface Waiting<Message> {
  readonly message: Omit<TopicMessage<Message>, 'lost'>
  readonly onTaken: () => void
}

export interface SubscriptionInit {
  id: number
  pattern: TopicPattern
  group: string | undefined
  retained: boolean
  /** Messages, a count. */
  buffer: number
  /** Messages were dropped. */
  onLost: (count: number) => void
  onClose: () => void
}

/** To be iterated once, unless it has a handler; leaving the loop ends it. */
export class Subscription<Message = unknown> implements AsyncIterable<TopicMessage<Message>> {
  readonly id: number
  readonly pattern: string
  readonly group: string | undefined
  readonly retained: boolean
  /** Version of the contract; undefined: messages of any. */
  readonly version: number | undefined
  readonly #init: SubscriptionInit
  readonly #waiting: Waiting<Message>[] = []
  #lost = 0
  #closed = false
  #news: PromiseWithResolvers<void> | undefined
  /** Resolves when the hub has it: messages published from then on arrive. */
  ready: Promise<void> = Promise.resolve()

  constructor(init: SubscriptionInit) {
    this.#init = init
    this.id = init.id
    this.pattern = init.pattern.pattern
    this.version = init.pattern.version
    this.group = init.group
    this.retained = init.retained
  }

  /** Ends it; what waits is dropped. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting.length = 0
    this.#news?.resolve()
    this.#init.onClose()
  }

  /** @param onTaken its reader took it */
  push(message: Omit<TopicMessage<Message>, 'lost'>, onTaken: () => void): void {
    if (this.#closed) return
    if (this.#waiting.length >= this.#init.buffer) {
      this.#waiting.shift()
      this.lose(1)
    }
    this.#waiting.push({ message, onTaken })
    this.#news?.resolve()
  }

  /** So many messages were dropped before the next one. */
  lose(count: number): void {
    this.#lost += count
    this.#init.onLost(count)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TopicMessage<Message>, void, undefined> {
    try {
      for (;;) {
        const next = this.#waiting.shift()
        if (next !== undefined) {
          const lost = this.#lost
          this.#lost = 0
          next.onTaken()
          yield { ...next.message, lost }
        } else if (this.#closed) return
        else await (this.#news = Promise.withResolvers<void>()).promise
      }
    } finally {
      this.close()
    }
  }
}
