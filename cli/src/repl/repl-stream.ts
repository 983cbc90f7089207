/** A stream at the prompt: to be iterated there, or shown as it comes. */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStreamEnd } from '@agent-mesh/protocol/local-stream'
import { valueOfLocal, type LocalValue } from '@agent-mesh/protocol/local-value'

import { soundValue } from './sound-value.ts'

/** Messages, then how it ended; it is opened when the first one is asked for. */
export type LocalMessages = AsyncGenerator<LocalValue, LocalStreamEnd, undefined>

export class ReplStream implements AsyncIterable<unknown> {
  readonly #messages: LocalMessages
  #isRead = false
  readonly #ended = Promise.withResolvers<unknown>()

  constructor(messages: LocalMessages) {
    this.#messages = messages
    this.#ended.promise.catch(() => undefined)
  }

  /** What the method returns; without a loop over its messages, they are dropped. @throws MeshError as a call */
  get result(): Promise<unknown> {
    if (!this.#isRead) void this.shown(() => undefined).catch(() => undefined)
    return this.#ended.promise
  }

  /** Leaving the loop cancels the stream. @throws MeshError as a call */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    this.#isRead = true
    try {
      for (;;) {
        const { done, value } = await this.#messages.next()
        if (done === true) return this.#ended.resolve(valueOfLocal(value))
        yield valueOfLocal(value)
      }
    } catch (error) {
      this.#ended.reject(error)
      throw error
    } finally {
      this.#ended.reject(new MeshError('cancelled', 'Cannot read the stream: its loop was left'))
      await this.#messages.return(undefined as never)
    }
  }

  /** Hands each message to `show`. @returns what the method returned @throws MeshError as a call */
  async shown(show: (message: unknown) => void): Promise<unknown> {
    this.#isRead = true
    for await (const message of this) show(message)
    return this.#ended.promise
  }
}

/** @param input any iterable of messages: JSON or bytes */
export async function* localMessages(
  input: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<LocalValue, void, undefined> {
  for await (const message of input) yield soundValue(message, 'message')
}
