/** Events that others can cause as often as they like, as few entries: the first of each at once, then how often it came again. */
import type { AuditEvent } from '@agent-mesh/protocol'

import type { AuditOptions } from './defaults.ts'

export type AuditNote = Omit<AuditEvent, 'at'>

interface Flood {
  readonly note: AuditNote
  more: number
}

export class AuditFloods {
  readonly #options: Pick<AuditOptions, 'floodKeys' | 'floodKeysOfOne'>
  readonly #floods = new Map<string, Flood>()
  /** Keys that each actor has. */
  readonly #ofOne = new Map<string, number>()

  constructor(options: Pick<AuditOptions, 'floodKeys' | 'floodKeysOfOne'>) {
    this.#options = options
  }

  /** Counts an event. @returns what to write of it now; nothing where its kind has begun before */
  add(key: string, note: AuditNote): AuditNote | undefined {
    const known = this.#floods.get(key)
    if (known !== undefined) return void known.more++
    return this.#mayHaveMore(note.who) ? this.#begin(key, note) : this.#sum(note)
  }

  /** Ends all. @returns those that came again, with how often */
  end(): AuditNote[] {
    const ended = [...this.#floods.values()].filter(({ more }) => more > 0)
    this.#floods.clear()
    this.#ofOne.clear()
    return ended.map(({ note, more }) => ({ ...note, detail: { ...note.detail, count: more } }))
  }

  /** One actor can have half of the keys; of the other half, as many as are kept for each. */
  #mayHaveMore(who: string): boolean {
    const { floodKeys, floodKeysOfOne } = this.#options
    const used = this.#floods.size
    return used < floodKeys / 2 || (used < floodKeys && (this.#ofOne.get(who) ?? 0) < floodKeysOfOne)
  }

  /** Of one more than fit: by the actor while there is room for it, else by all. */
  #sum({ what, who, detail }: AuditNote): AuditNote | undefined {
    const isFull = this.#floods.size >= this.#options.floodKeys
    const name = detail?.['name']
    const summed: AuditNote = isFull
      ? { what, who: 'others', detail: { all: true } }
      : { what, who, detail: { ...(name !== undefined && { name }), all: true } }
    const key = `${what} by ${summed.who}`
    const known = this.#floods.get(key)
    if (known !== undefined) return void known.more++
    return this.#begin(key, summed)
  }

  #begin(key: string, note: AuditNote): AuditNote {
    this.#floods.set(key, { note, more: 0 })
    this.#ofOne.set(note.who, (this.#ofOne.get(note.who) ?? 0) + 1)
    return note
  }
}
