import { MeshError } from '@agent-mesh/protocol/errors'
import { dataFrameCost, wireLimits, type BatchFrame, type DataFrame } from '@agent-mesh/protocol/wire/index'
import { MessageQueue, type OwnMessages } from './message-queue.ts'
import type { ReceiveWindow } from './window.ts'

/** Checks a message, or makes another of it; a promise where its schema is asynchronous. What it throws ends the stream. */
export type ReadMessage = (value: unknown) => unknown

export interface MessageReceiverInit {
  readonly window: ReceiveWindow
  /** What each message passes before the program gets it. @default none */
  readonly read?: ReadMessage | undefined
  /** Its first credit, which the sender has. */
  readonly credit: number
  /** Tells the sender of more. Not called when the stream has ended. */
  readonly giveCredit: (bytes: number) => void
  /** Monotonic ms. */
  readonly now: () => number
  /** Round trip of the path; undefined: not known yet. */
  readonly rttMs: () => number | undefined
  /** The program reads no more, or a message cannot be read: then with the reason. */
  readonly onLeft: (error: MeshError | undefined) => void
}

interface Reader {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void
  readonly reject: (error: unknown) => void
}

const done = { done: true, value: undefined } as const
const empty = Buffer.alloc(0)

/** The messages of one direction of a stream as an async iterable: each is parsed when the program asks for it. */
export class MessageReceiver implements AsyncIterableIterator<unknown, undefined> {
  readonly #init: MessageReceiverInit
  readonly #queue = new MessageQueue()
  #readers: Reader[] = []
  /** The frames received so far of a message that has several. */
  #pieces = empty
  #pieceBytes = 0
  #pieceCost = 0
  /** Bytes that the sender may still send. */
  #allowed: number
  #ended = false
  #error: MeshError | undefined
  #left = false

  constructor(init: MessageReceiverInit) {
    this.#init = init
    this.#allowed = init.credit
  }

  /** @throws MeshError `protocol_error` for data beyond the credit, behind the end, or of a message over the limit */
  onData(frame: DataFrame | BatchFrame): void {
    const cost = frame.end - frame.start + dataFrameCost
    this.#allowed -= cost
    if (this.#allowed < 0) throw malformed(`${-this.#allowed} bytes more than its reader has room for`)
    if (this.#ended) throw malformed('a message behind the end')
    if (this.#left || this.#error !== undefined) return
    if (frame.type === 'batch') this.#addBatch(frame)
    else if (frame.more || this.#pieceBytes > 0) this.#addPiece(frame, cost)
    else this.#add(frame)
  }

  /** No more messages come. @throws MeshError `protocol_error` the second time */
  onEnd(error?: MeshError): void {
    if (this.#ended) throw malformed('a second end')
    this.finish(error)
  }

  /** The messages that came are the last ones; then it ends, or fails. */
  finish(error?: MeshError): void {
    this.#ended = true
    if (error !== undefined) this.#error ??= error
    this.#init.window.close()
    this.#settleReaders()
  }

  /** Ends now: what was not read is dropped. */
  fail(error: MeshError): void {
    this.#error ??= error
    this.#drop()
    this.finish()
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#queue.take()) {
      if (this.#pieceCost > 0 && this.#queue.isEmpty) this.#creditPieces()
      return this.#value()
    }
    if (this.#error !== undefined && !this.#left) {
      this.#left = true
      return Promise.reject(this.#error)
    }
    if (this.#ended || this.#left) return Promise.resolve(done)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#leave(undefined)
    return Promise.resolve(done)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #leave(error: MeshError | undefined): void {
    if (this.#left) return
    const open = !this.#ended
    this.#left = true
    this.#drop()
    for (const { resolve } of this.#readers.splice(0)) resolve(done)
    if (!open) return
    this.#init.window.close()
    this.#init.onLeft(error)
  }

  #drop(): void {
    this.#queue.clear()
    this.#pieces = empty
    this.#pieceBytes = 0
  }

  #addBatch(frame: BatchFrame): void {
    if (this.#pieceBytes > 0) throw malformed('a batch within a message')
    this.#add(frame)
  }

  #add(messages: DataFrame | BatchFrame | OwnMessages): void {
    this.#queue.add(messages)
    while (this.#readers.length > 0 && this.#queue.take()) {
      const { resolve, reject } = this.#readers.shift()!
      void this.#value().then(resolve, reject)
    }
    if (!this.#queue.isEmpty) this.#queue.ownLater()
  }

  #value(): Promise<IteratorResult<unknown, undefined>> {
    const { window, now, rttMs, giveCredit, read } = this.#init
    const { cost } = this.#queue
    if (!this.#ended && cost > 0 && window.isDue(cost)) this.#give(window.credit(now(), rttMs()), giveCredit)
    try {
      const value = this.#queue.value()
      const checked = read === undefined ? value : read(value)
      if (!(checked instanceof Promise)) return Promise.resolve({ done: false, value: checked })
      return checked.then(
        result => ({ done: false, value: result as unknown }),
        (error: unknown) => this.#spoiled(error),
      )
    } catch (error) {
      return this.#spoiled(error)
    }
  }

  #give(credit: number, giveCredit: (bytes: number) => void): void {
    this.#allowed += credit
    giveCredit(credit)
  }

  /** A message that cannot be delivered ends the stream: later messages are meaningless without it. */
  #spoiled(error: unknown): Promise<never> {
    this.#leave(error as MeshError)
    return Promise.reject(error as MeshError)
  }

  #addPiece({ chunk, start, end, tail, more }: DataFrame, cost: number): void {
    const size = this.#pieceBytes + end - start
    if (size > wireLimits.bodyBytes) throw malformed(`a message of ${size} bytes`)
    if (size > this.#pieces.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(wireLimits.bodyBytes, Math.max(4_096, size * 2)))
      this.#pieces.copy(larger, 0, 0, this.#pieceBytes)
      this.#pieces = larger
    }
    chunk.copy(this.#pieces, this.#pieceBytes, start, end)
    this.#pieceBytes = size
    this.#pieceCost += cost
    if (more) {
      if (this.#queue.isEmpty) this.#creditPieces()
      return
    }
    const whole: OwnMessages = {
      type: 'own',
      chunk: this.#pieces,
      start: 0,
      end: size,
      tail,
      cost: this.#pieceCost,
      batch: false,
    }
    this.#pieces = empty
    this.#pieceBytes = this.#pieceCost = 0
    this.#init.window.release()
    this.#add(whole)
  }

  /** Gives credit for the pieces of a message that the program waits for, so that its sender does not wait, too. */
  #creditPieces(): void {
    const { window, giveCredit } = this.#init
    const cost = this.#pieceCost
    this.#pieceCost = 0
    if (window.hold(cost)) return this.#give(cost, giveCredit)
    const reason = `its messages take more memory than the streams of this process have left`
    this.#spoil(new MeshError('overloaded', `Cannot read the stream: ${reason}`))
  }

  /** The rest cannot be read: the program hears why, as an end would look like all messages. */
  #spoil(error: MeshError): void {
    this.#drop()
    this.#error = error
    this.#init.window.close()
    this.#init.onLeft(error)
    this.#settleReaders()
  }

  #settleReaders(): void {
    if (this.#readers.length === 0) return
    const [first, ...others] = this.#readers.splice(0)
    if (this.#error === undefined || this.#left) first?.resolve(done)
    else {
      this.#left = true
      first?.reject(this.#error)
    }
    for (const { resolve } of others) resolve(done)
  }
}

const malformed = (what: string): MeshError =>
  new MeshError('protocol_error', `Cannot read the stream: its sender sent ${what}`)
