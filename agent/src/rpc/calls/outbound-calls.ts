import type { ErrorCode, MeshError } from '@agent-mesh/protocol/errors'
import { decodeError, encodeBody, encodeFields, isLarge, isLaterId } from '@agent-mesh/protocol/wire/index'
import type {
  EncodedBody,
  EncodedFields,
  ErrorFrame,
  FrameEncoder,
  ResponseFrame,
} from '@agent-mesh/protocol/wire/index'
import type { LinkBodies } from '../bodies/link-bodies.ts'
import type { ByteBudget } from '../byte-budget.ts'
import { callTimeoutMs, type LinkLimits } from '../defaults.ts'
import { fetchResult, lendParams, type SendReference } from '../bodies/large-calls.ts'
import type { OutboundCallsInit } from './outbound-calls-init.ts'
import { IdTable } from './id-table.ts'
import type { Outbox } from '../outbox.ts'
import { PendingCall, refusal, type LinkCallOptions } from './pending-call.ts'
import type { StreamLinkParts } from '../streams/inbound-stream.ts'
import {
  PendingStream,
  type LinkStream,
  type LinkStreamOptions,
  type StreamOwner,
} from '../streams/outbound-stream.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'

/** The calls that this side makes over one link. */
export class OutboundCalls implements StreamOwner {
  readonly #outbox: Outbox
  readonly #budget: ByteBudget
  readonly #wheel: TimerWheel
  readonly #limits: LinkLimits
  readonly #streams: StreamLinkParts
  readonly #bodies: LinkBodies
  readonly #onIdle: () => void
  readonly #pending = new IdTable<PendingCall>()
  #lastId = 0
  #writtenId = 0
  #made = 0
  /** Why no new call is taken. */
  #ended: { code: ErrorCode; reason: string } | undefined

  constructor({ outbox, budget, wheel, limits, streams, bodies, onIdle }: OutboundCallsInit) {
    this.#outbox = outbox
    this.#streams = streams
    this.#bodies = bodies
    this.#budget = budget
    this.#wheel = wheel
    this.#limits = limits
    this.#onIdle = onIdle
  }

  get size(): number {
    return this.#pending.size
  }

  get made(): number {
    return this.#made
  }

  /** Whether the peer takes no more calls on this link. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  call(method: string, value: unknown, options: LinkCallOptions): Promise<unknown> {
    try {
      const body = encodeBody(value, 'params', method)
      if (isLarge(body))
        return this.#lend(
          method,
          body,
          options,
          (sent, left) => this.#start(method, sent, left, true).promise,
        )
      return this.#start(method, this.#outbox.packed(body), options).promise
    } catch (error) {
      return Promise.reject(error as MeshError)
    }
  }

  /** @returns the stream when its handler has begun @throws MeshError as {@link call}, as a rejection */
  stream(method: string, value: unknown, options: LinkStreamOptions): Promise<LinkStream> {
    try {
      const body = encodeBody(value, 'params', method)
      if (isLarge(body))
        return this.#lend(method, body, options, (sent, left) => this.#startStream(method, sent, left, true))
      return this.#startStream(method, body, options)
    } catch (error) {
      return Promise.reject(error as MeshError)
    }
  }

  /** The callee fetches the params. @param send sends the request with a reference to them */
  #lend<T, Options extends LinkCallOptions>(
    method: string,
    body: EncodedBody,
    options: Options,
    send: SendReference<T, Options>,
  ): Promise<T> {
    this.#check(method, options.timeoutMs ?? callTimeoutMs, options.signal)
    return lendParams({ bodies: this.#bodies, wheel: this.#wheel, method, body, options, send })
  }

  #start(method: string, body: EncodedBody, options: LinkCallOptions, elsewhere = false): PendingCall {
    const { timeoutMs = callTimeoutMs, signal, fields, dueAt = this.#wheel.now() + timeoutMs } = options
    this.#check(method, timeoutMs, signal)
    const header = fields === undefined ? undefined : encodeFields(fields)
    const call = new PendingCall(this, this.#freeId(), method, timeoutMs, options)
    const encode = this.#encoding(call, timeoutMs, body, header, elsewhere)
    if (this.#outbox.takes(body)) encode(this.#outbox.encoder)
    else call.queued = this.#outbox.queue({ body, encode, dueAt })
    this.#add(call, dueAt)
    return call
  }

  #startStream(
    method: string,
    body: EncodedBody,
    options: LinkStreamOptions,
    elsewhere = false,
  ): Promise<LinkStream> {
    const now = this.#wheel.now()
    const { timeoutMs = callTimeoutMs, signal, fields, dueAt = now + timeoutMs } = options
    this.#check(method, timeoutMs, signal)
    const stream = new PendingStream(this, this.#streams, this.#freeId(), method, timeoutMs, options)
    try {
      const header = encodeFields({ ...fields, stream: stream.field })
      const encode = this.#encoding(stream, stream.wireMs(now), body, header, elsewhere)
      if (this.#outbox.takes(body)) encode(this.#outbox.encoder)
      else stream.queued = this.#outbox.queue({ body, encode, dueAt: stream.endsAt })
    } catch (error) {
      stream.reject(error as MeshError)
      return stream.begun
    }
    this.#add(stream, Math.min(dueAt, stream.endsAt))
    return stream.begun
  }

  /** Its request is with the outbox. */
  #add(call: PendingCall, dueAt: number): void {
    call.begin()
    this.#lastId = call.id
    this.#made++
    this.#pending.add(call)
    this.#wheel.schedule(call, dueAt)
    if (call.queued === undefined) this.#outbox.appended()
  }

  /** How its request becomes a frame: now, or when its turn comes. */
  #encoding(
    call: PendingCall,
    ms: number,
    body: EncodedBody,
    header: EncodedFields | undefined,
    elsewhere: boolean,
  ): (encoder: FrameEncoder) => void {
    const { id, method, idempotent } = call
    const stream = call instanceof PendingStream
    return encoder => encoder.request(id, method, ms, idempotent, body, header, stream, elsewhere)
  }

  began(stream: PendingStream, endsAt: number): void {
    if (this.#pending.get(stream.id) !== stream) return
    this.#wheel.cancel(stream)
    if (endsAt !== Infinity) this.#wheel.schedule(stream, endsAt)
  }

  /** Messages and credit of a callee; those of a stream that has ended are skipped. @throws MeshError `protocol_error` */
  onStream(frame: Parameters<PendingStream['receive']>[0]): void {
    const call = this.#pending.get(frame.id)
    if (call instanceof PendingStream) call.receive(frame)
  }

  #check(method: string, timeoutMs: number, signal: AbortSignal | undefined): void {
    if (this.#ended !== undefined) throw refusal(method, this.#ended.code, this.#ended.reason)
    if (signal?.aborted === true) throw refusal(method, 'cancelled', 'cancelled by the caller')
    if (!Number.isFinite(timeoutMs))
      throw refusal(method, 'invalid_argument', `its timeout is ${timeoutMs} ms`)
    if (timeoutMs <= 0) throw refusal(method, 'deadline_exceeded', 'no time is left')
    if (this.#pending.size >= this.#limits.outbound)
      throw refusal(method, 'overloaded', `${this.#pending.size} calls are in flight`)
    if (!this.#budget.hasRoom)
      throw refusal(method, 'overloaded', `${this.#budget.used} bytes wait on this link`)
  }

  #freeId(): number {
    let id = this.#lastId
    do id = (id + 1) >>> 0 || 1
    while (this.#pending.get(id) !== undefined)
    return id
  }

  /** Whether a call waits for an answer. */
  awaits(id: number): boolean {
    return this.#pending.get(id) !== undefined
  }

  /** The stream has accepted all that was appended to the encoder. */
  written(): void {
    this.#writtenId = this.#lastId
  }

  onResponse(frame: ResponseFrame): void {
    if (frame.elsewhere) return this.#fetch(frame)
    const call = this.#take(frame.id)
    if (call === undefined) return
    try {
      call.resolve(frame.body.value())
    } catch (error) {
      call.reject(error as MeshError)
    }
  }

  /** The call stays in flight until its result is here. */
  #fetch({ id, body }: ResponseFrame): void {
    const call = this.#pending.get(id)
    if (call === undefined || call.fetching !== undefined) return
    const { signal } = (call.fetching = new AbortController())
    const settle = (end: (call: PendingCall) => void): void => {
      if (this.#pending.get(id) !== call) return
      this.#take(id)
      end(call)
    }
    fetchResult(this.#bodies, call, body, signal).then(
      value => settle(() => call.resolve(value)),
      (error: unknown) =>
        settle(() => {
          this.#outbox.encoder.cancel(id)
          this.#outbox.appended()
          call.reject(error as MeshError)
        }),
    )
  }

  onError(frame: ErrorFrame): void {
    this.#take(frame.id)?.reject(decodeError(frame.code, frame.body, frame.notStarted))
  }

  onUnreadable(id: number): void {
    this.#take(id)?.fail('unsupported', 'the answer needs a later version of the protocol')
  }

  /** The peer starts no call after `lastId`. */
  onGoingAway(lastId: number): void {
    this.#ended = { code: 'going_away', reason: 'the peer is going away' }
    for (const { id } of this.#pending.all()) {
      if (!isLaterId(id, lastId)) continue
      this.#take(id)?.fail('going_away', 'the peer goes away and did not start it', { notStarted: true })
    }
  }

  /** The path is silent: the callers may ask elsewhere meanwhile. */
  doubt(): void {
    for (const call of this.#pending.all())
      call.onDoubt?.(() => this.giveUp(call, 'cancelled', 'another member answered first'))
  }

  /** The path is silent: these calls end here with `path_lost`, so that their callers can repeat them elsewhere. */
  lose(which: (call: PendingCall) => boolean): void {
    for (const call of this.#pending.all())
      if (which(call)) this.giveUp(call, 'path_lost', 'its path fell silent')
  }

  giveUp(call: PendingCall, code: ErrorCode, reason: string): void {
    if (this.#pending.get(call.id) !== call) return
    const withdrawn = call.queued?.state === 'waiting'
    this.#take(call.id)
    if (!withdrawn) {
      this.#outbox.encoder.cancel(call.id)
      this.#outbox.appended()
    }
    call.fail(code, reason, { notStarted: withdrawn })
  }

  /** The link is down. */
  close(reason: string, cause: unknown): void {
    this.#ended = { code: 'unavailable', reason }
    for (const call of this.#pending.all()) {
      const notStarted = this.#isUnwritten(call)
      this.#take(call.id)?.fail(notStarted ? 'unavailable' : 'path_lost', reason, { cause, notStarted })
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id)
    if (call === undefined) return undefined
    this.#pending.remove(call)
    this.#wheel.cancel(call)
    call.fetching?.abort()
    if (call.queued !== undefined) this.#outbox.drop(call.queued)
    if (this.#pending.size === 0) this.#onIdle()
    return call
  }

  /** Whether the callee cannot have read all of the request. */
  #isUnwritten({ id, queued }: PendingCall): boolean {
    return queued === undefined ? isLaterId(id, this.#writtenId) : queued.state !== 'written'
  }
}
