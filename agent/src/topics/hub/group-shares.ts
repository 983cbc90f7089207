/** Which member of a group handles which message of a publication: each in turn, those homed at other relays by their number. */

/** What may be chosen: a member here (weight 1), or a relay with so many members. */
export interface GroupSlot<T> {
  readonly target: T
  readonly members: number
}

export class GroupTurns {
  readonly #turns = new Map<string, number>()
  readonly #most: number

  /** @param most groups whose turn is remembered, a count */
  constructor(most: number) {
    this.#most = most
  }

  /**
   * Shares the messages 0 to `count` - 1, or those named, among the slots.
   * @returns the places of the messages of each target
   */
  share<T>(group: string, messages: readonly number[], slots: readonly GroupSlot<T>[]): Map<T, number[]> {
    const shares = new Map<T, number[]>()
    const total = slots.reduce((sum, { members }) => sum + members, 0)
    if (total === 0) return shares
    let turn = this.#turns.get(group) ?? 0
    for (const message of messages) {
      const target = slotAt(slots, turn++ % total)
      const share = shares.get(target)
      if (share === undefined) shares.set(target, [message])
      else share.push(message)
    }
    if (!this.#turns.has(group) && this.#turns.size >= this.#most) this.#turns.clear()
    this.#turns.set(group, turn % Number.MAX_SAFE_INTEGER)
    return shares
  }
}

function slotAt<T>(slots: readonly GroupSlot<T>[], place: number): T {
  let left = place
  for (const { target, members } of slots) {
    if (left < members) return target
    left -= members
  }
  throw new Error(`no slot at ${place}`)
}
