/**
 * Windows of circuits grow, so that a round trip does not bound their rate. What a window has grown by is memory of the relay as
 * soon as a receiver stops to read, so all circuits together have a budget of it. A circuit that is no longer fast returns its part
 * with what it receives next.
 */
import { grantingStreamOf, type GrantingStream } from '@agent-mesh/agent/transport/libp2p/hidden-parts'
import type { Stream } from '@libp2p/interface'

/** The window that each circuit has: yamux's first one. */
const firstBytes = 256 * 1024

/** ms for half of a window after which it is larger than its circuit needs: 0.5 MiB/s. */
const slowMs = 1_000

export class WindowBudget {
  #left: number

  /** @param bytes that all windows together may have above their first size */
  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Bytes by which windows may still grow. */
  get left(): number {
    return this.#left
  }

  /** The window of this stream grows within the budget. @returns ends that, and returns its part; once */
  share(stream: Stream): () => void {
    const granting = grantingStreamOf(stream)
    const { maxStreamWindowSize: largest } = granting
    const grant = granting.sendWindowUpdate.bind(stream)
    let part = 0
    const take = (now: number): void => {
      this.#left -= now - part
      part = now
    }
    granting.sendWindowUpdate = () => {
      const { recvWindow, epochStart } = granting
      if (recvWindow > firstBytes && Date.now() - epochStart > slowMs) granting.recvWindow = firstBytes
      granting.maxStreamWindowSize = Math.min(largest, granting.recvWindow + Math.max(0, this.#left))
      grant()
      take(grownBy(granting))
    }
    take(grownBy(granting))
    return () => {
      granting.sendWindowUpdate = grant
      take(0)
    }
  }
}

/** Bytes that a stream may have to keep above its first window: what was granted stays so until it is used. */
const grownBy = ({ recvWindow, recvWindowCapacity }: GrantingStream): number =>
  Math.max(0, Math.max(recvWindow, recvWindowCapacity) - firstBytes)
