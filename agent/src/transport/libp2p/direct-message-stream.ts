/** A stream of libp2p whose bytes pass without its queues where nothing waits before them. */
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { handOver, isFree, type Bytes } from './direct-streams.ts'

export abstract class DirectMessageStream extends AbstractMessageStream {
  /** @returns whether more may be written */
  protected abstract write(data: Bytes): boolean

  override send(data: Bytes): boolean {
    if (!isFree(this) || data.byteLength === 0) return super.send(data)
    const canSendMore = this.write(data)
    if (!canSendMore) this.writableNeedsDrain = true
    return canSendMore
  }

  override onData(data: Bytes): void {
    if (data instanceof Uint8Array && handOver(this, data)) return
    super.onData(data)
  }

  sendData(data: Uint8ArrayList): SendResult {
    return { sentBytes: data.byteLength, canSendMore: this.write(data) }
  }
}
