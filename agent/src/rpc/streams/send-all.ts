import { MeshError } from '@agent-mesh/protocol/errors'
import type { EncodedBody } from '@agent-mesh/protocol/wire/index'
import type { MessageSender } from './message-sender.ts'

/** Where the messages of a stream come from. */
export type Messages = AsyncIterable<unknown> | Iterable<unknown>

type Source = AsyncIterator<unknown> | Iterator<unknown>
type Encode = (value: unknown) => EncodedBody | Promise<EncodedBody>

/** @throws MeshError `invalid_argument` for what is no iterable */
export function iteratorOf(messages: unknown, what: string): Source {
  if (typeof messages === 'object' && messages !== null) {
    const { [Symbol.asyncIterator]: ofAsync, [Symbol.iterator]: ofSync } = messages as Partial<
      AsyncIterable<unknown> & Iterable<unknown>
    >
    if (typeof ofAsync === 'function') return ofAsync.call(messages)
    if (typeof ofSync === 'function') return ofSync.call(messages)
  }
  throw new MeshError('invalid_argument', `Cannot send ${what}: it is no iterable of messages`)
}

/**
 * Sends what an iterator yields, and asks it for the next message only when there is room for it.
 * @returns what the iterator returned
 * @throws what the iterator throws, or why the stream has ended; then the iterator is ended
 */
export const sendAll = (source: Source, sender: MessageSender, encode: Encode): Promise<unknown> =>
  new Promise((resolve, reject) => {
    new Sending(source, sender, encode, resolve, reject).start()
  })

/** A callback for each message takes a sixth less than an async function that waits for each (docs/benchmarks.md). */
class Sending {
  readonly #source: Source
  readonly #sender: MessageSender
  readonly #encode: Encode
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  #stopped: Promise<boolean> | undefined
  readonly #onRoom = (): void => this.#run()
  readonly #onStep = (step: unknown): void => {
    // Asked again for a step it did not give, it would keep this process from everything else.
    if (typeof step === 'object' && step !== null) this.#run(step as IteratorResult<unknown>)
    else void this.#fail(new TypeError(`next() of an iterator of messages resolved with ${String(step)}`))
  }
  readonly #onBody = (body: EncodedBody): void => {
    try {
      if (this.#send(body)) this.#run()
    } catch (error) {
      void this.#fail(error)
    }
  }
  readonly #onError = (error: unknown): void => void this.#fail(error)

  constructor(
    source: Source,
    sender: MessageSender,
    encode: Encode,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#source = source
    this.#sender = sender
    this.#encode = encode
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    this.#sender.onClosed(() => void this.#stop())
    this.#run()
  }

  /** Sends until it has to wait. @param step that was waited for */
  #run(step?: IteratorResult<unknown>): void {
    try {
      let next = step ?? this.#ask()
      while (next !== undefined) {
        if (next.done === true) return this.#resolve(next.value)
        const body = this.#encode(next.value)
        if (body instanceof Promise) return void body.then(this.#onBody, this.#onError)
        next = this.#send(body) ? this.#ask() : undefined
      }
    } catch (error) {
      void this.#fail(error)
    }
  }

  /** @returns the next message where it is there already; undefined: it, or room for it, is waited for */
  #ask(): IteratorResult<unknown> | undefined {
    const room = this.#sender.ready()
    if (room !== undefined) return void room.then(this.#onRoom, this.#onError)
    const step = this.#source.next()
    if (!('then' in step)) return step
    // What only has a `then` may call back at once, or twice.
    const promise = step instanceof Promise ? step : Promise.resolve(step)
    return void promise.then(this.#onStep, this.#onError)
  }

  /** @returns false: not all of it could go at once, which is waited for */
  #send(body: EncodedBody): boolean {
    const sent = this.#sender.send(body)
    if (sent === undefined) return true
    sent.then(this.#onRoom, this.#onError)
    return false
  }

  #stop(): Promise<boolean> {
    return (this.#stopped ??= ended(this.#source))
  }

  async #fail(error: unknown): Promise<void> {
    // A generator that ended its own stream was running, and could not be ended then.
    if (!(await this.#stop())) await ended(this.#source)
    this.#reject(error)
  }
}

/** Ends an iterator whose messages are no longer wanted. @returns false when it threw: no caller is left to receive that */
async function ended(source: Source): Promise<boolean> {
  try {
    await source.return?.()
    return true
  } catch {
    return false
  }
}
