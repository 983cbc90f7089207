/** What this member offers to others, by ticket. */
import { randomBytes } from 'node:crypto'
import {
  MeshError,
  transferLimits,
  type PipeRequest,
  type Subject,
  type TransferOffer,
} from '@agent-mesh/protocol'
import { startTimer, type StartTimer, type Timer } from '@agent-mesh/protocol/timers'
import type { PipeHandler } from '../pipes/exposed-ports.ts'
import { blockSource } from './open-block-source.ts'
import { transferDefaults } from './defaults.ts'
import { OutgoingTransfer } from './outgoing-transfer.ts'
import { checkSendOptions, type SendOptions } from './transfer-options.ts'
import type { TransferSource } from './transfer-source.ts'

export class OutgoingTransfers {
  readonly #self: string
  readonly #startTimer: StartTimer
  readonly #offers = new Map<string, OutgoingTransfer>()
  #stopped = false

  /** @param self the peer id of this member @param start of the clock that idle offers are withdrawn by */
  constructor(self: string, start: StartTimer = startTimer) {
    this.#self = self
    this.#startTimer = start
  }

  /** Offers that are open. */
  get size(): number {
    return this.#offers.size
  }

  /**
   * Offers a source to one member, which fetches it.
   * @throws MeshError not_found, permission_denied, invalid_argument for what cannot be read; overloaded; going_away
   */
  async offer(to: string, from: TransferSource, options: SendOptions = {}): Promise<TransferOffer> {
    checkSendOptions(options)
    const source = await blockSource(from)
    const { name = source.name, idleMs = transferDefaults.idleMs } = options
    try {
      this.#mustTake(name)
    } catch (error) {
      source.close()
      throw error
    }
    const ticket = randomBytes(16).toString('base64url')
    let timer: Timer | undefined
    const withdraw = () => {
      timer?.cancel()
      if (this.#offers.delete(ticket)) offer.close()
    }
    const onUse = (inUse: boolean) => {
      timer?.cancel()
      timer = inUse ? undefined : this.#startTimer(idleMs, withdraw, { ref: false })
    }
    const onDone = () => {
      timer?.cancel()
      this.#offers.delete(ticket)
      source.close()
    }
    const offer = new OutgoingTransfer(to, source, { onUse, onDone })
    this.#offers.set(ticket, offer)
    onUse(false)
    const { bytes } = source
    return {
      from: this.#self,
      ticket,
      ...(bytes !== undefined && { bytes }),
      ...(name !== undefined && { name }),
    }
  }

  /** What a pipe to a ticket gets. @throws MeshError not_found, also for a ticket of another member; conflict */
  async take(ticket: string, request: PipeRequest, caller: Subject): Promise<PipeHandler> {
    const offer = this.#offers.get(ticket)
    if (offer === undefined || offer.peerId !== caller.sub)
      throw new MeshError('not_found', 'Cannot receive: it is not offered to this member, or no more')
    return offer.begin(request)
  }

  /** Withdraws all. */
  stop(): void {
    this.#stopped = true
    for (const offer of this.#offers.values()) offer.close()
    this.#offers.clear()
  }

  #mustTake(name: string | undefined): void {
    if (this.#stopped) throw new MeshError('going_away', 'Cannot send: this member stops')
    if (this.#offers.size >= transferDefaults.offers)
      throw new MeshError('overloaded', `Cannot send: ${this.#offers.size} offers are open here`)
    if (name !== undefined && name.length > transferLimits.nameChars)
      throw new MeshError('invalid_argument', `Cannot send: its name has ${name.length} characters`, {
        hint: `A name has at most ${transferLimits.nameChars} characters.`,
      })
  }
}
