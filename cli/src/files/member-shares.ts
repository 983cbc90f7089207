import type { MeshError } from '@agent-mesh/protocol/errors'

/** Counts what each member holds open here, up to a limit, so that one cannot hold all of it. */
export class MemberShares {
  readonly #most: number
  readonly #refusal: (open: number) => MeshError
  readonly #open = new Map<string, number>()

  /** @param refusal the error for a member that holds so many */
  constructor(most: number, refusal: (open: number) => MeshError) {
    this.#most = most
    this.#refusal = refusal
  }

  /** @returns ends it; idempotent @throws the refusal */
  begin(peerId: string): () => void {
    const open = this.#open.get(peerId) ?? 0
    if (open >= this.#most) throw this.#refusal(open)
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
