import { MeshError } from '@agent-mesh/protocol/errors'

/** Counts the files that each member holds open here, up to a limit. */
export class OpenOffers {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** @returns ends it; idempotent @throws MeshError overloaded */
  begin(peerId: string): () => void {
    const open = this.#open.get(peerId) ?? 0
    if (open >= this.#most)
      throw new MeshError('overloaded', `${open} files are offered to this member and not received yet`, {
        hint: 'Receive them, or wait for a minute: an offer that nothing receives ends.',
      })
    this.#open.set(peerId, open + 1)
    let ended = false
    return () => {
      if (ended) return
      ended = true
      const left = (this.#open.get(peerId) ?? 1) - 1
      if (left > 0) this.#open.set(peerId, left)
      else this.#open.delete(peerId)
    }
  }
}
