import { handlerError, MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { encodeBody, isLarge, isLaterId } from '@agent-mesh/protocol/wire/index'
import type { EncodedBody, FrameBody, RequestFrame } from '@agent-mesh/protocol/wire/index'
import { Answers, unsendable } from './answers.ts'
import type { FetchedBody } from '../bodies/body-carrier.ts'
import type { LinkBodies } from '../bodies/link-bodies.ts'
import type { ByteBudget } from '../byte-budget.ts'
import { uncountedBytes, type LinkLimits } from '../defaults.ts'
import { Lane } from '../fair-queue.ts'
import { IdTable } from './id-table.ts'
import { InboundRequest, type RequestServer } from './inbound-request.ts'
import { promiseOf } from '../../core/thenable.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'
import type { InboundCallsInit, OnRequest } from './inbound-calls-init.ts'
import { InboundStream, type StreamLinkParts } from '../streams/inbound-stream.ts'
import type { TurnEntry, TurnQueue } from '../turn-queue.ts'

export type { OnRequest } from './inbound-calls-init.ts'

/** The peer's calls served over one link. */
export class InboundCalls implements RequestServer {
  readonly #answers: Answers
  readonly #budget: ByteBudget
  readonly #wheel: TimerWheel
  readonly #limits: LinkLimits
  readonly #streamParts: StreamLinkParts
  readonly #bodies: LinkBodies
  readonly #onRequest: OnRequest
  readonly #onIdle: () => void
  readonly #requests = new IdTable<InboundRequest>()
  readonly #turns: TurnQueue
  readonly #lane = new Lane<TurnEntry>()
  #running = 0
  /** Of those that run. */
  #streams = 0
  #served = 0
  #lastId = 0
  #leaving = false

  constructor({
    outbox,
    budget,
    wheel,
    turns,
    limits,
    streams,
    bodies,
    onRequest,
    onIdle,
  }: InboundCallsInit) {
    this.#streamParts = streams
    this.#bodies = bodies
    this.#turns = turns
    this.#answers = new Answers({
      outbox,
      budget,
      onWritten: request => this.#written(request),
      onUnsendable: (request, error) => this.#fail(request, unsendable(error)),
    })
    this.#budget = budget
    this.#wheel = wheel
    this.#limits = limits
    this.#onRequest = onRequest
    this.#onIdle = onIdle
  }

  /** Handlers at work and requests that wait for their turn, including those whose caller has given up. */
  get running(): number {
    return this.#running
  }

  /** Requests whose callers wait for an answer. */
  get awaited(): number {
    return this.#requests.size
  }

  get served(): number {
    return this.#served
  }

  /** Starts no request from now on. @returns the id of the last one started */
  leave(): number {
    this.#leaving = true
    return this.#lastId
  }

  /**
   * Takes a request in; its handler starts when the turn queue says so.
   * @param arrivedAt monotonic ms of the chunk that brought it
   * @throws MeshError `protocol_error` when the id is in use
   */
  onRequest(frame: RequestFrame, arrivedAt: number): void {
    const { id, method, timeoutMs } = frame
    if (this.#requests.get(id) !== undefined)
      throw new MeshError('protocol_error', `Cannot serve ${method}: id ${id} is in use`)
    if (this.#leaving) return this.#answers.refuse(frame, 'going_away', 'this agent is going away')
    this.#countId(id)
    const full = this.#fullOf(frame)
    if (full !== undefined)
      return this.#answers.refuse(frame, 'overloaded', `${full} of this peer are running`)
    if (timeoutMs === 0)
      return this.#answers.refuse(frame, 'deadline_exceeded', 'no time was left on arrival')
    const held = frame.body.byteLength > uncountedBytes ? frame.body.byteLength : 0
    if (held > 0 && !this.#budget.tryTake(held)) return this.#refuseBytes(frame)
    const request = new InboundRequest(frame, arrivedAt, this, held, this.#streamOf(frame))
    this.#requests.add(request)
    if (request.deadline !== Infinity) this.#wheel.schedule(request, request.deadline)
    this.#running++
    if (frame.stream) this.#streams++
    this.#turns.add(this.#lane, request)
  }

  /** @returns whether a request of so many bytes may arrive in parts, which now count as held; else it is refused */
  beginCut(id: number, bytes: number): boolean {
    if (this.#budget.tryTake(bytes)) return true
    this.#refuseBytes({ id, method: 'a method' })
    return false
  }

  onCancel(id: number): void {
    const request = this.#requests.get(id)
    if (request === undefined) return
    this.#end(request, new MeshError('cancelled', `Cannot serve ${request.method}: the caller gave up`))
  }

  /**
   * Messages and credit of a caller; those of a stream that has ended are skipped.
   * @throws MeshError `protocol_error` for what a caller must not send
   */
  onStream(frame: Parameters<InboundStream['receive']>[0]): void {
    const { id, type } = frame
    const request = this.#requests.get(id)
    if (request?.stream !== undefined) return request.stream.receive(frame)
    if (request !== undefined || this.#isNew(id))
      throw new MeshError('protocol_error', `Cannot take ${type} of request ${id}: it is no stream`)
  }

  /** A request that this version cannot read. */
  onUnreadable(id: number, flags: number): void {
    this.#countId(id)
    const message = `Cannot serve the request: flags 0x${flags.toString(16)} need a later version`
    this.#answers.error(id, new MeshError('unsupported', message, { notStarted: true }))
  }

  /** The link is down: aborts the signals of all handlers. */
  close(reason: string): void {
    for (const request of this.#requests.all())
      this.#end(request, new MeshError('path_lost', `Cannot serve ${request.method}: ${reason}`))
  }

  /** Without a promise where the handler needs none: the answer joins the tick's other frames. */
  serve(request: InboundRequest): void {
    let result: unknown
    let promise: Promise<unknown> | undefined
    try {
      result = this.#onRequest(request)
      promise = promiseOf(result)
    } catch (error) {
      return this.#failed(request, error)
    }
    if (promise === undefined) return this.#succeeded(request, result)
    promise.then(
      value => this.#succeeded(request, value),
      (error: unknown) => this.#failed(request, error),
    )
  }

  shed(request: InboundRequest, waitedMs: number): void {
    this.#forget(request)
    request.answered()
    this.#answers.refuse(request, 'overloaded', `it waited ${Math.round(waitedMs)} ms for its turn`)
    this.dropped(request)
  }

  dropped(request: InboundRequest): void {
    if (request.open) this.expired(request)
    this.#settled(request)
  }

  #succeeded(request: InboundRequest, value: unknown): void {
    this.#served++
    request.handled()
    if (!request.open) return this.#settled(request)
    try {
      const body = encodeBody(value, 'result', request.method)
      if (isLarge(body)) this.#lend(request, body)
      else if (this.#answers.send(request, body)) this.#written(request)
    } catch (error) {
      this.#fail(request, unsendable(error))
    }
  }

  /** The caller fetches the result; the call is open until it has all of it. */
  #lend(request: InboundRequest, body: EncodedBody): void {
    const named = (reference: EncodedBody): void => this.#answers.refer(request.id, reference)
    this.#bodies.lend(body, { signal: request.signal, named }).then(
      () => (request.open ? this.#written(request) : this.#settled(request)),
      (error: unknown) => this.#fail(request, unsendable(error)),
    )
  }

  fetch({ signal }: InboundRequest, reference: FrameBody, mostBytes: number): Promise<FetchedBody> {
    return this.#bodies.fetch(reference, { mostBytes, signal, waits: false })
  }

  /** The stream has accepted the answer. */
  #written(request: InboundRequest): void {
    this.#forget(request)
    request.answered()
    this.#settled(request)
  }

  /** The caller no longer waits for the answer. */
  #end(request: InboundRequest, error: MeshError): void {
    this.#forget(request)
    request.end(error)
    if (this.#answers.withdraw(request)) this.#release(request)
    this.#checkIdle()
  }

  #failed(request: InboundRequest, error: unknown): void {
    this.#served++
    request.handled()
    this.#fail(request, error)
  }

  #fail(request: InboundRequest, error: unknown): void {
    if (request.open) {
      this.#forget(request)
      request.answered()
      const known = error instanceof MeshError ? error : handlerError(error, request.method)
      this.#answers.error(request.id, known)
    }
    this.#settled(request)
  }

  #settled(request: InboundRequest): void {
    this.#release(request)
    this.#checkIdle()
  }

  #release({ stream }: InboundRequest): void {
    this.#running--
    if (stream !== undefined) this.#streams--
  }

  /** How many calls or streams run, as text, when their limit is reached; undefined: there is room. */
  #fullOf({ stream }: RequestFrame): string | undefined {
    if (stream) return this.#streams >= this.#limits.streams ? `${this.#streams} streams` : undefined
    const calls = this.#running - this.#streams
    return calls >= this.#limits.inbound ? `${calls} calls` : undefined
  }

  #streamOf({ id, method, stream, fields }: RequestFrame): InboundStream | undefined {
    if (!stream || fields.stream === undefined) return undefined
    return new InboundStream(id, method, fields.stream, this.#streamParts)
  }

  /** A request that came in parts may be complete after later ones. */
  #countId(id: number): void {
    if (this.#isNew(id)) this.#lastId = id
  }

  #isNew(id: number): boolean {
    return this.#lastId === 0 || isLaterId(id, this.#lastId)
  }

  #checkIdle(): void {
    if (this.#requests.size === 0) this.#onIdle()
  }

  expired(request: InboundRequest): void {
    this.#refuseLate(request, 'deadline_exceeded', 'its time ran out at the callee')
  }

  loseStreams(): void {
    for (const request of this.#requests.all())
      if (request.stream !== undefined) this.#refuseLate(request, 'path_lost', 'its path fell silent')
  }

  #refuseLate(request: InboundRequest, code: ErrorCode, reason: string): void {
    const { id, method, startedAt } = request
    const error = new MeshError(code, `Cannot call ${method}: ${reason}`, { notStarted: startedAt === 0 })
    this.#end(request, error)
    this.#answers.error(id, error)
  }

  freed(bytes: number): void {
    this.#budget.give(bytes)
  }

  #forget(request: InboundRequest): void {
    this.#requests.remove(request)
    this.#wheel.cancel(request)
  }

  #refuseBytes(frame: Pick<RequestFrame, 'id' | 'method'>): void {
    this.#answers.refuse(frame, 'overloaded', `${this.#budget.used} bytes of this link wait at the callee`)
  }
}
