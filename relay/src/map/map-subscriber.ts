/**
 * One agent that follows the map over a stream. What it has is a cursor; what it lacks is read from the mirror while
 * its stream takes more, so a slow agent costs no memory.
 */
import type { MapMessage, MapPage, SignedHead } from '@agent-mesh/protocol'

/** What subscribers read. */
export interface MapSource {
  head(): SignedHead
  /** The next page after `cursor`, or undefined when it is current; `restart` when the cursor is foreign. */
  pageAfter(cursor: string | undefined): MapPage | 'restart' | undefined
  /** Agents homed here. */
  homed(): readonly string[]
}

/** @returns false when the stream takes no more for now */
export type SendMessage = (message: MapMessage) => boolean

export class MapSubscriber {
  readonly #source: MapSource
  readonly #send: SendMessage
  #cursor: string | undefined
  #headSent: string | undefined
  #presenceSent = new Set<string>()
  #presenceTold = false
  #blocked = false

  constructor(source: MapSource, send: SendMessage, since: string | undefined) {
    this.#source = source
    this.#send = send
    this.#cursor = since
  }

  /** The stream takes more again. */
  drained(): void {
    this.#blocked = false
    this.pump()
  }

  /** Sends what the agent lacks, as far as the stream takes it. */
  pump(): void {
    if (!this.#blocked) this.#pumpHead()
    while (!this.#blocked && this.#pumpPage());
    if (!this.#blocked) this.#pumpPresence()
  }

  #tell(message: MapMessage): void {
    if (!this.#send(message)) this.#blocked = true
  }

  #pumpHead(): void {
    const head = this.#source.head()
    if (head.head === this.#headSent) return
    this.#headSent = head.head
    this.#tell({ type: 'head', head })
  }

  /** @returns whether there may be more */
  #pumpPage(): boolean {
    const page = this.#source.pageAfter(this.#cursor)
    if (page === undefined) return false
    if (page === 'restart') {
      this.#cursor = undefined
      this.#tell({ type: 'restart' })
      return true
    }
    this.#cursor = page.next
    this.#tell({ type: 'changes', page })
    return page.more
  }

  #pumpPresence(): void {
    const now = new Set(this.#source.homed())
    const up = [...now].filter(peerId => !this.#presenceSent.has(peerId))
    const down = [...this.#presenceSent].filter(peerId => !now.has(peerId))
    if (this.#presenceTold && up.length === 0 && down.length === 0) return
    this.#tell({ type: 'presence', full: !this.#presenceTold, up, down })
    this.#presenceTold = true
    this.#presenceSent = now
  }
}
