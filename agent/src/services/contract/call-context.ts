import { MeshError, type Subject, type TransferOffer } from '@agent-mesh/protocol'
import type { TraceParent } from '@agent-mesh/protocol/wire/index'
import type { InboundCall, OutgoingTransfers, SendOptions, TransferSource } from '../../rpc/index.ts'
import { declaredError, type ErrorArguments } from './declared-errors.ts'
import type { ErrorContracts } from './error-contracts.ts'

const nothing: Readonly<Record<string, string>> = Object.freeze({})

/** What a handler knows about its call besides the params. */
export class CallContext<Errors extends ErrorContracts = ErrorContracts, Input = never> {
  /** Who calls: `sub` is the peer id that the transport proved, the rest its credential's. */
  readonly caller: Subject
  /** `math.add` */
  readonly method: string
  readonly #call: InboundCall
  readonly #now: () => number
  readonly #errors: Errors | undefined
  readonly #transfers: Pick<OutgoingTransfers, 'offer'> | undefined

  /** @param errors what the contract of the method declares @param transfers sends files; undefined: cannot */
  constructor(
    caller: Subject,
    method: string,
    call: InboundCall,
    now: () => number,
    errors?: Errors,
    transfers?: Pick<OutgoingTransfers, 'offer'>,
  ) {
    this.#transfers = transfers
    this.#errors = errors
    this.caller = caller
    this.method = method
    this.#call = call
    this.#now = now
  }

  /** Aborted when the caller no longer waits for the result: pass it to every operation that accepts a signal. */
  get signal(): AbortSignal {
    return this.#call.signal
  }

  /** Messages of the caller, as they come, where the contract has `takes`; to leave it early tells the caller to send no more. */
  get input(): AsyncIterableIterator<Input, undefined> {
    if (this.#call.stream === undefined)
      throw new MeshError('invalid_argument', `Cannot read messages for ${this.method}: it takes none`)
    return this.#call.stream.input as AsyncIterableIterator<Input, undefined>
  }

  /** The caller may send this call again after a broken link. */
  get idempotent(): boolean {
    return this.#call.idempotent
  }

  /** What the caller said beside the params (`metadata` of its options): its word, not proved by anything. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#call.fields.metadata ?? nothing
  }

  /** The program that called through its agent, as that agent says: for logs, never for a decision. */
  get app(): string | undefined {
    return this.#call.fields.app
  }

  /** Calls that wait for this one, each for the next: 0 when the caller serves none itself. */
  get hops(): number {
    return this.#call.fields.hops ?? 0
  }

  /** Where this call stands in the trace of its caller, for logs. Calls that the handler makes continue it. */
  get trace(): TraceParent | undefined {
    return this.#call.fields.trace
  }

  /** W3C `tracestate` of that trace. */
  get tracestate(): string | undefined {
    return this.#call.fields.tracestate
  }

  /** Whether the caller still waits for the answer. */
  get isOpen(): boolean {
    return this.#call.open
  }

  /** Monotonic ms, of the agent's clock. */
  get deadline(): number {
    return this.#call.deadline
  }

  /** ms until the call ends with `deadline_exceeded`: the budget of calls made on its behalf. */
  get remainingMs(): number {
    return Math.max(0, this.#call.deadline - this.#now())
  }

  /**
   * Offers a file, bytes or a stream of bytes to the caller. The result, or a message, carries the offer, and the caller passes it to
   * `agent.receive`. @param from path of a file; bytes; a `Readable` or another iterable of bytes
   * @throws MeshError not_found, permission_denied, invalid_argument for what cannot be read; overloaded
   */
  send(from: TransferSource, options?: SendOptions): Promise<TransferOffer> {
    if (this.#transfers !== undefined) return this.#transfers.offer(this.caller.sub, from, options)
    throw new MeshError('unsupported', `Cannot send a file from ${this.method}: this agent has no pipes`)
  }

  /**
   * An error that the contract declares, to be thrown: its caller can tell it from others by type.
   * @param reason in words, for the message. @default the name
   * @throws MeshError `too_large` for details of more than 4,000 characters, `invalid_argument` for what JSON cannot carry
   */
  error<Name extends keyof Errors & string>(
    name: Name,
    ...[details, reason]: ErrorArguments<Errors[Name]>
  ): MeshError {
    return declaredError(this.method, this.#errors, name, details, reason)
  }
}
