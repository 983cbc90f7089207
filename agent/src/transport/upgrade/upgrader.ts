/**
 * Looks for better paths in the background while a session has only relayed or WebRTC links: repeatedly, with growing pauses,
 * and at once when something has changed. The existing link stays as it is: the link table retires it when the better one is
 * up. Only the lower peer id begins, so that attempts of both sides never collide; the higher one asks it to begin.
 */
import { MeshError, reasonOf, upgradeProtocol, type UpgradeOffer } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import type { Path } from '../address.ts'
import type { ByteStream } from '../libp2p/byte-stream.ts'
import { HandshakeSlots } from '../dial/handshake-slots.ts'
import type { LinkTable } from '../links/link-table.ts'
import type { Link } from '../links/link.ts'
import { AttemptPace } from './attempt-pace.ts'
import { UpgradeAttempt, type UpgradeAttemptInit, type UpgradeOutcome } from './attempt.ts'
import { Conversation } from './conversation.ts'
import { upgradeDefaults } from './defaults.ts'

/** How an attempt ended; `refused`: the peer takes no part. */
export type UpgradeResult = 'upgraded' | 'failed' | 'refused'

export interface UpgradeReport {
  peerId: string
  result: UpgradeResult
  /** The path calls take now. */
  path: Path
  /** Milliseconds of the attempt. */
  ms: number
  /** Why each way failed: "punch: no answer in 6 s; webrtc: no answer". */
  reason: string | undefined
}

/** What is known of the upgrades of a session. */
export interface UpgradeState {
  attempts: number
  last: UpgradeReport | undefined
}

export interface UpgraderInit extends UpgradeAttemptInit {
  /** Own peer id. */
  self: string
  links: LinkTable
  /** Uniform in [0, 1). */
  random: () => number
  onReport: (report: UpgradeReport) => void
  onError: (error: unknown) => void
  retryMs?: readonly number[]
}

interface Session extends UpgradeState {
  timer: NodeJS.Timeout | undefined
  running: boolean
  /** Something changed while an attempt ran. */
  again: boolean
  step: number
  endedAt: number
}

export class Upgrader {
  readonly #self: string
  readonly #links: LinkTable
  readonly #onError: (error: unknown) => void
  readonly #retryMs: readonly number[]
  readonly #random: () => number
  readonly #onReport: (report: UpgradeReport) => void
  readonly #attempt: UpgradeAttempt
  readonly #slots = new HandshakeSlots(upgradeDefaults.attempts)
  readonly #pace = new AttemptPace()
  readonly #sessions = new Map<string, Session>()
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #answering = 0
  readonly #unsubscribe: (() => void)[]

  constructor(init: UpgraderInit) {
    this.#self = init.self
    this.#links = init.links
    this.#onError = init.onError
    this.#retryMs = init.retryMs ?? upgradeDefaults.retryMs
    this.#random = init.random
    this.#onReport = init.onReport
    this.#attempt = new UpgradeAttempt(init)
    const consider = ({ peer }: Link) => this.#consider(peer.peerId)
    this.#unsubscribe = [init.links.onUp(consider), init.links.onDown(consider), init.links.onDoubt(consider)]
  }

  /** Attempts to reach a peer so far; undefined without a session that could be better. */
  state(peerId: string): UpgradeState | undefined {
    const session = this.#sessions.get(peerId)
    return session === undefined ? undefined : { attempts: session.attempts, last: session.last }
  }

  /** The network, or what is known of it, changed: tries all again now. */
  changed(): void {
    this.#pace.reset()
    for (const [peerId, session] of this.#sessions) {
      if (this.#begins(peerId)) this.#again(peerId, session)
      else this.#ask(peerId)
    }
  }

  /** Gives up all attempts and waits for their end. */
  async stop(): Promise<void> {
    this.#stopping.abort(new MeshError('cancelled', 'Cannot upgrade: stopping'))
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    for (const { timer } of this.#sessions.values()) clearTimeout(timer)
    this.#pace.stop()
    await Promise.all(this.#running)
    this.#sessions.clear()
  }

  #begins(peerId: string): boolean {
    return this.#self < peerId
  }

  #consider(peerId: string): void {
    if (this.#stopping.signal.aborted) return
    const best = this.#links.best(peerId)
    const known = this.#sessions.get(peerId)
    if (best === undefined || best.path === 'direct') {
      if (known === undefined || known.running) return
      clearTimeout(known.timer)
      this.#pace.leave(peerId)
      this.#sessions.delete(peerId)
    } else if (known === undefined) this.#open(peerId)
  }

  #open(peerId: string): Session {
    const session: Session = {
      timer: undefined,
      running: false,
      again: false,
      // A link that opens again is tried at once, and then as seldom as the one before.
      step: Math.max(0, this.#pace.failures(peerId) - 1),
      attempts: 0,
      last: undefined,
      endedAt: -Infinity,
    }
    this.#sessions.set(peerId, session)
    if (this.#begins(peerId)) this.#schedule(peerId, session, 0)
    return session
  }

  #again(peerId: string, session: Session): void {
    session.step = 0
    if (session.running) session.again = true
    else this.#schedule(peerId, session, 0)
  }

  #schedule(peerId: string, session: Session, ms: number): void {
    const kind = session.attempts === 0 ? 'first' : 'again'
    const begin = () => this.#own(this.#begin(peerId, session))
    clearTimeout(session.timer)
    this.#pace.leave(peerId)
    session.timer = setTimeout(() => this.#pace.begin(peerId, kind, begin), timerDelay(ms))
  }

  #own(work: Promise<void>): void {
    const owned: Promise<void> = work.catch(this.#onError).finally(() => this.#running.delete(owned))
    this.#running.add(owned)
  }

  async #begin(peerId: string, session: Session): Promise<void> {
    const { signal } = this.#stopping
    session.running = true
    const free = await this.#slots.take(signal).catch(() => undefined)
    try {
      const link = this.#links.best(peerId)
      if (free !== undefined && link !== undefined && link.path !== 'direct') {
        const result = await this.#run(session, link, async () => {
          const stream = await link.openStream(upgradeProtocol, { signal })
          return this.#converse(stream, conversation => this.#attempt.begin(conversation, link, signal))
        })
        if (result === 'upgraded' || result === 'failed') this.#pace.ended(peerId, result === 'upgraded')
      }
    } finally {
      free?.()
      session.running = false
      this.#next(peerId, session)
    }
  }

  /** What comes after an attempt. */
  #next(peerId: string, session: Session): void {
    this.#consider(peerId)
    if (this.#stopping.signal.aborted || this.#sessions.get(peerId) !== session || !this.#begins(peerId))
      return
    // A peer that refused once is unlikely to accept soon.
    if (session.last?.result === 'refused') session.step = this.#retryMs.length
    const pause = session.again ? 0 : (this.#retryMs[Math.min(session.step, this.#retryMs.length - 1)] ?? 0)
    session.again = false
    session.step++
    this.#schedule(peerId, session, pause * (0.75 + this.#random() / 2))
  }

  /**
   * Runs an attempt and reports how it ended. Rejects with what `onReport` throws, and nothing else.
   * @returns undefined where it was stopped
   */
  async #run(
    session: Session,
    link: Link,
    attempt: () => Promise<UpgradeOutcome>,
  ): Promise<UpgradeResult | undefined> {
    const { peerId } = link.peer
    const startedAt = performance.now()
    session.attempts++
    let result: UpgradeResult = 'failed'
    let reasons: string[]
    try {
      const outcome = await attempt()
      reasons = outcome.reasons
      if (outcome.upgraded !== undefined) result = 'upgraded'
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined
      if (error instanceof MeshError && error.code === 'unsupported') result = 'refused'
      reasons = [
        result === 'refused' ? 'the peer takes no part: it keeps to relays, or is older' : reasonOf(error),
      ]
    }
    session.endedAt = performance.now()
    const path = this.#links.best(peerId)?.path ?? link.path
    const reason = reasons.length === 0 ? undefined : reasons.join('; ')
    session.last = { peerId, result, path, ms: session.endedAt - startedAt, reason }
    this.#onReport(session.last)
    return result
  }

  async #converse<T>(stream: ByteStream, talk: (conversation: Conversation) => Promise<T>): Promise<T> {
    const conversation = new Conversation(stream)
    try {
      return await talk(conversation)
    } finally {
      conversation.close()
    }
  }

  /** Handler of the protocol. */
  readonly onStream = (stream: ByteStream, link: Link): void => {
    const taken = this.#converse(stream, conversation => this.#take(conversation, link))
    this.#own(taken.catch(error => stream.abort(error as Error)))
  }

  async #take(conversation: Conversation, link: Link): Promise<void> {
    const { signal } = this.#stopping
    const limit = AbortSignal.any([signal, AbortSignal.timeout(upgradeDefaults.answerMs)])
    const { peerId } = link.peer
    const first = await conversation.next(limit)
    if (first.type === 'want' && this.#begins(peerId)) return this.#wanted(peerId)
    if (first.type !== 'offer' || this.#begins(peerId))
      throw new MeshError('protocol_error', `Cannot upgrade: ${first.type} came from the wrong end`)
    const session = this.#sessions.get(peerId) ?? this.#open(peerId)
    const early = performance.now() - session.endedAt < upgradeDefaults.spacingMs
    if (session.running || early || this.#answering >= upgradeDefaults.attempts)
      return conversation.send({ type: 'refused', reason: 'it is busy with other attempts' })
    session.running = true
    this.#answering++
    try {
      const result = await this.#run(session, link, () => this.#answer(conversation, first, link))
      if (result === 'upgraded') this.#pace.ended(peerId, true)
    } finally {
      this.#answering--
      session.running = false
      this.#consider(peerId)
    }
  }

  #answer(conversation: Conversation, offer: UpgradeOffer, link: Link): Promise<UpgradeOutcome> {
    return this.#attempt.answer(conversation, offer, link, this.#stopping.signal)
  }

  #wanted(peerId: string): void {
    this.#pace.forget(peerId)
    const session = this.#sessions.get(peerId)
    if (session === undefined || performance.now() - session.endedAt < upgradeDefaults.spacingMs) return
    this.#again(peerId, session)
  }

  /** Informs the lower peer that something changed. */
  #ask(peerId: string): void {
    const link = this.#links.best(peerId)
    if (link === undefined) return
    const ask = async () => {
      const stream = await link.openStream(upgradeProtocol, { signal: this.#stopping.signal })
      await this.#converse(stream, conversation => Promise.resolve(conversation.send({ type: 'want' })))
    }
    // If this is lost, the lower peer begins after its own pause.
    this.#own(ask().catch(() => {}))
  }
}
