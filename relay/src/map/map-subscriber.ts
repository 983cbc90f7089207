/**
 * One agent that follows the map over a stream. It has a cursor; later changes are read from the mirror while
 * its stream takes more, so a slow agent costs no memory.
 */
import type { MapMessage } from '@agent-mesh/protocol'
import { relayDefaults } from '../defaults.ts'
import type { PresenceStep } from '../presence/presence-feed.ts'

export type HeadMessage = Extract<MapMessage, { type: 'head' }>
export type ChangesMessage = Extract<MapMessage, { type: 'changes' }>

/** What subscribers read. */
export interface MapSource {
  head(): HeadMessage
  /** A count that rises with each head that says something new; signed anew each minute, it mostly is only younger. */
  headNews(): number
  /** The next page after `cursor`, or undefined when it is current; `restart` when the cursor is foreign. */
  pageAfter(cursor: string | undefined): ChangesMessage | 'restart' | undefined
  /** What an agent at this number of the feed lacks of who is homed here, or undefined when it is level. */
  presenceAfter(at: number | undefined): PresenceStep | undefined
}

/** @returns false when the stream takes no more for now */
export type SendMessage = (message: MapMessage) => boolean

/** Valid for agents of earlier versions, too: it changes nothing. */
const signOfLife: MapMessage = { type: 'presence', full: false, up: [], down: [] }

export class MapSubscriber {
  readonly #source: MapSource
  readonly #send: SendMessage
  #cursor: string | undefined
  #headSent: { head: string; news: number; at: number } | undefined
  #presenceAt: number | undefined
  #blocked = false
  /** Whether it was sent something since the last beat. */
  #told = false

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

  /** Sends a sign of life, unless it was sent something since the last one. */
  beat(): void {
    if (!this.#told && !this.#blocked) this.#tell(signOfLife)
    this.#told = false
  }

  #tell(message: MapMessage): void {
    this.#told = true
    if (!this.#send(message)) this.#blocked = true
  }

  #pumpHead(): void {
    const message = this.#source.head()
    const { head } = message.head
    if (head === this.#headSent?.head || this.#canWait()) return
    this.#headSent = { head, news: this.#source.headNews(), at: performance.now() }
    this.#tell(message)
  }

  /** Whether the agent knows all that the head says but its age, and heard that not long ago. */
  #canWait(): boolean {
    const sent = this.#headSent
    if (sent?.news !== this.#source.headNews()) return false
    return performance.now() - sent.at < relayDefaults.youngerHeadMs
  }

  /** @returns whether there may be more */
  #pumpPage(): boolean {
    const message = this.#source.pageAfter(this.#cursor)
    if (message === undefined) return false
    if (message === 'restart') {
      this.#cursor = undefined
      this.#tell({ type: 'restart' })
      return true
    }
    this.#cursor = message.page.next
    this.#tell(message)
    return message.page.more
  }

  #pumpPresence(): void {
    const step = this.#source.presenceAfter(this.#presenceAt)
    if (step === undefined) return
    this.#presenceAt = step.at
    for (const message of step.messages) this.#tell(message)
  }
}
