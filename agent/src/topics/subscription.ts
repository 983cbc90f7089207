/** One subscription: messages wait for its reader in a bounded queue that drops its oldest and says how many it lost. */
import type { TraceFields } from '../observe/tracing.ts'
import type { Handling } from './handling.ts'
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
  /** Where its publisher stands in a trace, for logs; absent: in none. */
  readonly trace?: TraceFields['trace']
}

interface Waiting<Message> {
  readonly message: TopicMessage<Message>
  readonly begin: (() => Handling) | undefined
}

interface Taken<Message> {
  readonly message: TopicMessage<Message>
  readonly handling: Handling | undefined
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

  /** @param message of which none is known to be lost yet @param begin what surrounds its handling begins */
  push(message: TopicMessage<Message>, begin?: () => Handling): void {
    if (this.#closed) return
    if (this.#waiting.length >= this.#init.buffer) {
      this.#waiting.shift()
      this.lose(1)
    }
    this.#waiting.push({ message, begin })
    // Once for all messages of a publication.
    this.#news?.resolve()
    this.#news = undefined
  }

  /** So many messages were dropped before the next one. */
  lose(count: number): void {
    this.#lost += count
    this.#init.onLost(count)
  }

  /** A message is handled when its reader asks for the next one, or leaves. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TopicMessage<Message>, void, undefined> {
    try {
      for (;;) {
        const taken = this.#take()
        if (taken !== undefined)
          try {
            yield taken.message
          } finally {
            taken.handling?.end()
          }
        else if (this.#closed) return
        else await this.#arrival()
      }
    } finally {
      this.close()
    }
  }

  /** Hands messages to `handler`, one after the other, until it is closed. What it throws goes to `onError`. */
  async handle(
    handler: (message: TopicMessage<Message>) => unknown,
    onError: (error: unknown, topic: string) => void,
  ): Promise<void> {
    while (!this.#closed) {
      const taken = this.#take()
      if (taken === undefined) await this.#arrival()
      else {
        const handled = handleOne(taken, handler, error => onError(error, taken.message.topic))
        if (handled !== undefined) await handled
      }
    }
  }

  #take(): Taken<Message> | undefined {
    const next = this.#waiting.shift()
    if (next === undefined) return undefined
    const lost = this.#lost
    this.#lost = 0
    const message = lost === 0 ? next.message : { ...next.message, lost }
    return { message, handling: next.begin?.() }
  }

  /** Resolves when a message has come, or when it is closed. */
  #arrival(): Promise<void> {
    return (this.#news = Promise.withResolvers<void>()).promise
  }
}

/** @returns what a handler that takes its time leads to: a promise for each message would cost more than most handlers */
function handleOne<Message>(
  { message, handling }: Taken<Message>,
  handler: (message: TopicMessage<Message>) => unknown,
  onError: (error: unknown) => void,
): Promise<void> | undefined {
  const failed = (error: unknown): void => {
    handling?.end(error)
    onError(error)
  }
  try {
    const handled = handling === undefined ? handler(message) : handling.run(() => handler(message))
    if (isThenable(handled)) return Promise.resolve(handled).then(() => handling?.end(), failed)
    handling?.end()
  } catch (error) {
    failed(error)
  }
  return undefined
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
