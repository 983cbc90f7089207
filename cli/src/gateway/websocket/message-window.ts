import type { MeshError } from '@agent-mesh/protocol/errors'

/** Messages that a program may send ahead of their reader. */
export const windowMessages = 8

/** What a socket holds for readers, bytes. */
export interface HeldBytes {
  held: number
}

interface WindowInit {
  /** The program may send so many more. */
  readonly grant: (more: number) => void
  readonly bytes: HeldBytes
  /** Of `bytes`, for all of the socket. */
  readonly mostBytes: number
}

/** Messages of a program, in the order in which they came, for one reader. */
export class MessageWindow {
  readonly #init: WindowInit
  readonly #held: { value: unknown; size: number }[] = []
  #allowed = windowMessages
  #read = 0
  #ended: { value?: unknown; error?: MeshError } | undefined
  #wake: (() => void) | undefined

  constructor(init: WindowInit) {
    this.#init = init
  }

  /** @returns false for one too many, or when the socket holds too much */
  push(value: unknown, size: number): boolean {
    if (this.#ended !== undefined) return true
    const { bytes, mostBytes } = this.#init
    if (this.#allowed === 0 || bytes.held + size > mostBytes) return false
    this.#allowed--
    bytes.held += size
    this.#held.push({ value, size })
    this.#wake?.()
    return true
  }

  /** No more of them come. @param value what reading them returns */
  end(value?: unknown): void {
    this.#ended ??= { value }
    this.#wake?.()
  }

  /** What waits is dropped, and reading throws. */
  fail(error: MeshError): void {
    for (const { size } of this.#held.splice(0)) this.#init.bytes.held -= size
    this.#ended = { error }
    this.#wake?.()
  }

  async *messages(): AsyncGenerator<unknown, unknown, undefined> {
    for (;;) {
      const next = this.#held.shift()
      if (next !== undefined) {
        this.#init.bytes.held -= next.size
        this.#taken()
        yield next.value
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error
        return this.#ended.value
      } else {
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    }
  }

  #taken(): void {
    if (++this.#read < windowMessages / 2) return
    this.#allowed += this.#read
    if (this.#ended === undefined) this.#init.grant(this.#read)
    this.#read = 0
  }
}
