import type { LinkStream } from '../../rpc/index.ts'

/** Messages of a method that streams, as they come; the result is what its handler returned. */
export interface ServiceStream<Yields = unknown, Result = unknown> extends AsyncIterableIterator<
  Yields,
  undefined
> {
  /** Settles when the stream ends, however it ends; may be left alone. */
  readonly result: Promise<Result>
  /** The member that serves it; undefined until its handler has begun. */
  readonly peerId: string | undefined
  /** Ends it here and at the handler. Idempotent. */
  cancel(reason?: string): void
}

/** A stream whose handler has begun. */
export interface OpenStream {
  readonly link: LinkStream
  readonly peerId: string
}

export interface OpeningStreamInit {
  readonly open: Promise<OpenStream>
  /** What the caller gets of the result. */
  readonly result: (value: unknown) => unknown
  /** What the caller gets of an error. */
  readonly failure: (error: unknown) => unknown
  /** Ends the stream, be it open or not. */
  readonly abort: (reason: string) => void
}

/** A stream from its call on: it can be read and cancelled before its handler has begun. */
export class OpeningStream implements ServiceStream {
  readonly result: Promise<unknown>
  readonly #init: OpeningStreamInit
  #open: OpenStream | undefined

  constructor(init: OpeningStreamInit) {
    this.#init = init
    this.result = this.#finish()
    this.result.catch(() => undefined)
  }

  get peerId(): string | undefined {
    return this.#open?.peerId
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    try {
      const { link } = this.#open ?? (await this.#init.open)
      return await link.messages.next()
    } catch (error) {
      throw await this.#init.failure(error)
    }
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#open === undefined) this.cancel('its reader left')
    else await this.#open.link.messages.return?.()
    return { done: true, value: undefined }
  }

  cancel(reason = 'cancelled by the caller'): void {
    this.#init.abort(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async #finish(): Promise<unknown> {
    try {
      this.#open = await this.#init.open
      return await this.#init.result(await this.#open.link.result)
    } catch (error) {
      throw await this.#init.failure(error)
    }
  }
}
