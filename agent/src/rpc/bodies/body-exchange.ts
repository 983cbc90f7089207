/** Bodies that are lent to other members, and fetched from them: one exchange for all links of a process. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { bodyReferenceSchema, MeshError, parse, type BodyReference, type Subject } from '@agent-mesh/protocol'
import { encodeBody, type EncodedBody, type FrameBody } from '@agent-mesh/protocol/wire/index'
import { ByteBudget } from '../byte-budget.ts'
import type { PipeHandler } from '../pipes/exposed-ports.ts'
import { openPipe } from '../pipes/open-pipe.ts'
import type { BodyCarrier, FetchedBody, FetchInit, LendInit } from './body-carrier.ts'
import { bodyDefaults } from './defaults.ts'
import { digestOf, piecesOf, readBody, sendPieces } from './body-bytes.ts'

/** A body that one peer may fetch once. */
interface Loan {
  readonly peerId: string
  readonly pieces: readonly Buffer[]
  readonly done: PromiseWithResolvers<void>
}

/** Opens a fresh stream for a pipe to the peer. */
type OpenStream = (options: { signal: AbortSignal }) => Promise<Duplex>

export class BodyExchange {
  readonly #loans = new Map<string, Loan>()
  readonly #budget: ByteBudget

  /** @param heldBytes of bodies on their way, in both directions */
  constructor(heldBytes: number = bodyDefaults.heldBytes) {
    this.#budget = new ByteBudget(heldBytes)
  }

  /** Bytes of bodies on their way. */
  get heldBytes(): number {
    return this.#budget.used
  }

  /** Between this member and a peer. */
  carrier(peerId: string, open: OpenStream): BodyCarrier {
    return {
      lend: (body, init) => this.#lend(peerId, body, init),
      fetch: (reference, init) => this.#fetch(open, reference, init),
    }
  }

  /** What a pipe to a ticket gets. @throws MeshError not_found: also for a ticket of another member, which learns no more than that */
  take(ticket: string, caller: Subject): PipeHandler {
    const loan = this.#loans.get(ticket)
    if (loan === undefined || loan.peerId !== caller.sub)
      throw new MeshError('not_found', 'Cannot fetch the body: it is not lent to this member, or no more')
    this.#loans.delete(ticket)
    return async pipe => {
      try {
        await sendPieces(pipe, loan.pieces)
        loan.done.resolve()
      } catch (error) {
        loan.done.reject(error)
        throw error
      }
    }
  }

  async #lend(peerId: string, body: EncodedBody, { signal, named }: LendInit): Promise<void> {
    const { json, pieces, bytes } = piecesOf(body)
    await this.#room(bytes, signal)
    const ticket = randomBytes(16).toString('base64url')
    const done = Promise.withResolvers<void>()
    const stop = () => done.reject(signal.reason)
    try {
      const sha256 = await digestOf(pieces, signal)
      this.#loans.set(ticket, { peerId, pieces, done })
      signal.addEventListener('abort', stop)
      const reference: BodyReference = { ticket, bytes, json, tail: body.tail !== undefined, sha256 }
      named(encodeBody(reference, 'reference'))
      await done.promise
    } finally {
      signal.removeEventListener('abort', stop)
      this.#loans.delete(ticket)
      this.#budget.give(bytes)
    }
  }

  async #fetch(open: OpenStream, named: FrameBody, init: FetchInit): Promise<FetchedBody> {
    const reference = parse(bodyReferenceSchema, named.value(), 'fetch the body', 'protocol_error')
    const { ticket, bytes } = reference
    const { mostBytes, signal, waits } = init
    if (bytes > mostBytes) throw tooLarge(bytes, mostBytes)
    if (waits) await this.#room(bytes, signal)
    else if (!this.#budget.tryTake(bytes)) throw this.#full(bytes)
    let held = bytes
    const release = (): void => {
      this.#budget.give(held)
      held = 0
    }
    try {
      const stream = await open({ signal })
      const pipe = await openPipe(stream, {
        request: { to: `body:${ticket}` },
        action: 'fetch the body',
        signal,
      })
      return { body: await readBody(pipe, reference, signal), release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Takes room for bytes, as soon as there is any. @throws the reason of `signal` */
  async #room(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#budget.tryTake(bytes)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
    const undo = this.#budget.whenRoom(() => {
      if (!this.#budget.tryTake(bytes)) return
      undo()
      resolve()
    })
    try {
      await promise
    } finally {
      undo()
      signal.removeEventListener('abort', stop)
    }
  }

  #full(bytes: number): MeshError {
    return new MeshError(
      'overloaded',
      `Cannot fetch the body of ${bytes} bytes: ${this.#budget.used} bytes of others are held here`,
      { notStarted: true },
    )
  }
}

const tooLarge = (bytes: number, most: number): MeshError =>
  new MeshError('too_large', `Cannot fetch the body: it has ${bytes} bytes, the limit is ${most}`, {
    hint: 'The contract of the method can raise it with largest; files and streams have no limit.',
  })
