import { wholeRemainingMs } from '@agent-mesh/protocol/duration'
import {
  FrameAssembler,
  frameTypes,
  maxTimeoutMs,
  type CutFrame,
  type Frame,
  type PartFrame,
} from '@agent-mesh/protocol/wire/index'
import type { ByteBudget } from './byte-budget.ts'
import type { InboundCalls } from './calls/inbound-calls.ts'
import type { OutboundCalls } from './calls/outbound-calls.ts'
import type { Outbox } from './outbox.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'

export interface PartsReaderInit {
  outbox: Outbox
  budget: ByteBudget
  wheel: Pick<TimerWheel, 'now'>
  inbound: Pick<InboundCalls, 'beginCut'>
  outbound: Pick<OutboundCalls, 'awaits'>
  /** A frame is complete. */
  onFrame: (frame: Frame) => void
}

/** Reads the frames of a peer that come in parts, and acknowledges them by count. */
export class PartsReader {
  readonly #init: PartsReaderInit
  readonly #assembler = new FrameAssembler({
    begun: cut => this.#begun(cut),
    complete: (cut, frame) => this.#complete(cut, frame),
    dropped: cut => this.#init.budget.give(cut.bytes),
  })
  readonly #tell = (): void => this.#tellRead()
  #read = 0
  #told = 0
  #scheduled = false

  constructor(init: PartsReaderInit) {
    this.#init = init
  }

  /** @throws MeshError `protocol_error` for parts that make no frame */
  onPart(frame: PartFrame): void {
    if (frame.left === 0) this.#countRead()
    this.#assembler.onPart(frame, this.#init.wheel.now())
  }

  onDrop(id: number): void {
    this.#assembler.onDrop(id)
  }

  close(): void {
    this.#told = this.#read
    this.#assembler.stop()
  }

  /** Acknowledges once for all parts that one turn of the event loop reads: on a fast path that is more than one chunk. */
  #countRead(): void {
    this.#read = (this.#read + 1) >>> 0
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#tell)
  }

  #tellRead(): void {
    this.#scheduled = false
    if (this.#read === this.#told) return
    this.#told = this.#read
    this.#init.outbox.encoder.delivered(this.#read)
    this.#init.outbox.appended()
  }

  /** A request needs room; a message has it by its credit; an answer is skipped when its call has ended. */
  #begun({ of, id, bytes }: CutFrame): boolean {
    const { inbound, outbound, budget } = this.#init
    if (of === frameTypes.request) return inbound.beginCut(id, bytes)
    if (of !== frameTypes.streamData && !outbound.awaits(id)) return false
    budget.take(bytes)
    return true
  }

  /** Subtracts the time that the parts took from the remaining time, which was written with the first. */
  #complete({ bytes, begunAt }: CutFrame, frame: Frame | undefined): void {
    const { budget, wheel, onFrame } = this.#init
    budget.give(bytes)
    if (frame === undefined) return
    if (frame.type !== 'request' || (frame.stream && frame.timeoutMs === maxTimeoutMs)) return onFrame(frame)
    onFrame({ ...frame, timeoutMs: wholeRemainingMs(frame.timeoutMs - (wheel.now() - begunAt)) })
  }
}
