/** Runs failure detection: gives it events of links, map and clock, and carries out what it decides. */
import { decodeSwim, type News, type SwimMessage } from '@agent-mesh/protocol/wire/index'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import { NewsCheck, type NewsCheckInit } from './news-check.ts'
import { SwimLinks, type SwimLinksInit } from './swim-links.ts'
import { isPossible, proofOf } from './swim-proof.ts'
import { Swim, type Ledger, type Scope, type SwimEvent, type SwimSettings } from './swim/index.ts'
import type { Verdicts } from './verdicts.ts'

/** Time and chance, so that tests can have their own. */
export interface SwimClock {
  /** Monotonic ms. */
  now(): number
  /** @returns how to cancel */
  after(ms: number, work: () => void): () => void
  /** 0 <= n < 1 */
  random(): number
}

export interface SwimDriverInit extends Pick<NewsCheckInit, 'learn' | 'keys' | 'isEnded' | 'unixMs'> {
  /** Own peer id. */
  self: string
  settings: SwimSettings
  scope: Scope
  ledger: Ledger
  clock: SwimClock
  links: Omit<SwimLinksInit, 'events' | 'now'>
  /** Whether the map, or the list of relays, names this member. */
  isKnown: (peerId: string) => boolean
  /** The documents of a member, if those that are kept have this incarnation. */
  proofOf: (peerId: string, incarnation: number) => string | undefined
  isHomed: () => boolean
  /** Signs a record above this incarnation; {@link SwimDriver.signed} is called with it. Never rejects. */
  raise: (above: number) => void
  verdicts: Verdicts
  log: Pick<Logger, 'debug' | 'warn'>
  observed: SwimObserved
}

/** What metrics count. */
export interface SwimObserved {
  judged(): void
  refuted(): void
}

export class SwimDriver {
  readonly #init: SwimDriverInit
  readonly #swim: Swim
  readonly #links: SwimLinks
  readonly #check: NewsCheck
  #wakeAt = Infinity
  #cancelWake = () => {}
  #stopped = false

  constructor(init: SwimDriverInit) {
    this.#init = init
    const { self, settings, scope, ledger, clock, isHomed } = init
    this.#links = new SwimLinks({
      ...init.links,
      now: () => clock.now(),
      events: {
        met: link => this.#met(link),
        up: peer => this.#up(peer),
        down: (peer, closed) => this.#step({ type: 'down', peer, closed }),
        heard: peer => this.#step({ type: 'heard', peer }),
      },
    })
    this.#check = new NewsCheck({
      ...init,
      isNews: news => this.#isNews(news),
      onChecked: (peer, news) => this.#step({ type: 'message', peer, message: { kind: 'news', news } }),
    })
    const ports = {
      heardAt: (peerId: string) => this.#links.heardAt(peerId),
      rttMs: (peerId: string) => this.#links.rttMs(peerId),
      isMetered: (peerId: string) => this.#links.isMetered(peerId),
      random: () => clock.random(),
      proofOf: init.proofOf,
    }
    this.#swim = new Swim({ self, settings, scope, ledger, ports, isHomed, now: clock.now() })
  }

  get links(): Pick<SwimLinks, 'isDeaf' | 'takesPart'> {
    return this.#links
  }

  /** 0 (well) to 7: how far its own judgement is to be trusted. */
  get health(): number {
    return this.#swim.health
  }

  isDead(peerId: string): boolean {
    return this.#swim.standingOf(peerId) === 'dead'
  }

  /** Members, relays or homes changed. */
  changed(): void {
    this.#step({ type: 'scope' })
  }

  /** The map has a newer record of a member. */
  recorded(peer: string, incarnation: number): void {
    this.#step({ type: 'record', peer, incarnation, from: 'map' })
  }

  /** The own record was signed. @param spread whether others learn it by this alone */
  signed(incarnation: number, spread: boolean): void {
    const { ledger, self } = this.#init
    if (spread) this.#step({ type: 'own', incarnation, proof: this.#init.proofOf(self, incarnation) ?? '' })
    else ledger.merge(self, { incarnation, state: 'alive' })
  }

  /** The map names it no more. */
  forget(peerId: string): void {
    this.#step({ type: 'forget', peer: peerId })
    this.#init.verdicts.forget(peerId)
    this.#links.forget(peerId)
  }

  /** Says farewell: from now on this member judges none, and is not judged. @param proof `farewell+jws` */
  leave(proof: string): void {
    this.#step({ type: 'leave', proof })
  }

  /** @throws MeshError protocol_error for what is malformed */
  read(link: Link, bytes: Buffer): void {
    const message = decodeSwim(bytes)
    if (message === undefined) return
    const { peerId } = link.peer
    if (message.kind === 'news') this.#check.take(peerId, message.news)
    else if (this.#isAboutKnown(message)) this.#step({ type: 'message', peer: peerId, message })
  }

  stop(): void {
    this.#stopped = true
    this.#cancelWake()
    this.#links.stop()
    this.#check.stop()
  }

  /** A member that is not known cannot be asked, and would only take room. */
  #isAboutKnown(message: SwimMessage): boolean {
    if (message.kind !== 'accuse' && message.kind !== 'vouch') return true
    const { self, isKnown, unixMs } = this.#init
    if (!isPossible(message.incarnation, unixMs())) return false
    return message.about === self || isKnown(message.about)
  }

  #isNews({ peerId, incarnation, state }: News): boolean {
    const known = this.#init.ledger.get(peerId)
    if (known === undefined || incarnation > known.incarnation) return true
    return incarnation === known.incarnation && state !== 'alive' && known.state !== state
  }

  #met({ peer }: Link): void {
    const { peerId, record, signed } = peer
    if (record === undefined || signed.record === undefined) return
    const { isKnown, isHomed, learn, log } = this.#init
    // Else a relay brings it with the map.
    if (!isKnown(peerId) && !isHomed())
      learn(peer).catch((err: unknown) =>
        log.warn({ event: 'member-not-mapped', err, peerId }, 'not put into the map'),
      )
    const proof = proofOf({ record: signed.record, credential: signed.credential })
    const { incarnation } = record
    this.#step({ type: 'record', peer: peerId, incarnation, proof, from: 'hello' })
  }

  #up(peer: string): void {
    if (!this.isDead(peer)) this.#init.verdicts.tell(peer, 'alive')
    this.#step({ type: 'up', peer })
  }

  #step(event: SwimEvent): void {
    if (this.#stopped) return
    const { verdicts, observed, raise, clock } = this.#init
    for (const effect of this.#swim.step(event, clock.now())) {
      switch (effect.type) {
        case 'send':
          this.#links.send(effect.to, effect.message)
          break
        case 'ping':
          this.#links.ping(effect.to)
          break
        case 'dial':
          this.#links.dial(effect.to)
          break
        case 'changed':
          if (effect.evidence.by === this.#init.self) observed.judged()
          verdicts.tell(effect.peer, effect.evidence.state)
          break
        case 'suspect':
          verdicts.suspect(effect.peer, effect.suspicion)
          break
        case 'raise':
          observed.refuted()
          raise(effect.above)
      }
    }
    this.#wake()
  }

  #wake(): void {
    const { clock } = this.#init
    const at = this.#swim.nextAt
    if (at === this.#wakeAt) return
    this.#cancelWake()
    this.#wakeAt = at
    if (at === Infinity || this.#stopped) return
    this.#cancelWake = clock.after(Math.max(0, at - clock.now()), () => {
      this.#wakeAt = Infinity
      this.#step({ type: 'tick' })
    })
  }
}
