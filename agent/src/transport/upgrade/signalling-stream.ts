/**
 * The stream that libp2p's WebRTC transport signals over. The transport speaks protobuf there (`Message {type = 1, data =
 * 2}`, each behind its length); the signals go over the attempt's own conversation, parsed and filtered like its other
 * messages.
 */
import type { Logger } from '@libp2p/interface'
import type { UpgradeSignal } from '@agent-mesh/protocol'

const kinds = ['offer', 'answer', 'candidate'] as const
const typeTag = 0x08
const dataTag = 0x12

export interface SignallingStreamInit {
  log: Logger
  send: (signal: UpgradeSignal) => void
}

/** As much of a libp2p stream as `pbStream` and the transport use. */
export class SignallingStream extends EventTarget {
  readonly log: Logger
  readonly status = 'open'
  readonly #send: (signal: UpgradeSignal) => void
  /** Until the transport listens. */
  #early: UpgradeSignal[] | undefined = []

  constructor({ log, send }: SignallingStreamInit) {
    super()
    this.log = log
    this.#send = send
  }

  /** From the transport: always one whole message. */
  send(bytes: Uint8Array | { subarray(): Uint8Array }): boolean {
    const signal = decodeSignal(bytes instanceof Uint8Array ? bytes : bytes.subarray())
    if (signal !== undefined) this.#send(signal)
    return true
  }

  /** To the transport. */
  receive(signal: UpgradeSignal): void {
    if (this.#early !== undefined) return void this.#early.push(signal)
    this.dispatchEvent(Object.assign(new Event('message'), { data: encodeSignal(signal) }))
  }

  override addEventListener(...listener: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...listener)
    if (listener[0] !== 'message') return
    const early = this.#early ?? []
    this.#early = undefined
    for (const signal of early) this.receive(signal)
  }

  /** Required of a readable stream; nothing is ever put back. */
  push(): void {}

  /** The conversation ends with its attempt, not with WebRTC's part. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  abort(): void {}
}

export function encodeSignal({ kind, data }: UpgradeSignal): Uint8Array {
  const text = Buffer.from(data)
  const fields = [typeTag, kinds.indexOf(kind), dataTag, ...varint(text.length)]
  return Buffer.concat([Buffer.from([...varint(fields.length + text.length), ...fields]), text])
}

/** @returns undefined for anything but a signal */
export function decodeSignal(bytes: Uint8Array): UpgradeSignal | undefined {
  const reader = { bytes: Buffer.from(bytes), at: 0 }
  readVarint(reader)
  let kind: (typeof kinds)[number] | undefined
  let data = ''
  while (reader.at < reader.bytes.length) {
    const tag = readVarint(reader)
    const value = readVarint(reader)
    if (tag === typeTag) kind = kinds[value]
    else if (tag === dataTag) data = reader.bytes.toString('utf8', reader.at, (reader.at += value))
    else return undefined
  }
  return kind === undefined ? undefined : { type: 'signal', kind, data }
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

function readVarint(reader: { bytes: Buffer; at: number }): number {
  let value = 0
  for (let shift = 0; reader.at < reader.bytes.length && shift < 28; shift += 7) {
    const byte = reader.bytes[reader.at++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return value
}
