/**
 * Who is a member, who is silent, who is dead: SWIM with Lifeguard over the links that members keep anyway. A pure function over
 * events: no clock, no socket, no randomness but the injected; the driver carries out the effects.
 */
import type { Evidence, SwimMessage } from '@agent-mesh/protocol'
import { Deadlines, type Dated } from './deadlines.ts'
import { Digests } from './digests.ts'
import type { SwimEffect, SwimEvent, SwimPorts } from './effects.ts'
import type { Ledger } from './ledger.ts'
import { LocalHealth } from './local-health.ts'
import { Rumours } from './rumours.ts'
import type { Scope, SwimStanding } from './scope.ts'
import { swimPresets, type SwimSettings } from './settings.ts'
import { Watches } from './watches.ts'

export interface SwimInit {
  /** Own peer id. */
  self: string
  settings: SwimSettings
  scope: Scope
  /** With the evidence that is known at the start, the own record among it. */
  ledger: Ledger
  ports: SwimPorts
  /** Whether a relay that this member can reach lives: relays heal partitions for all. */
  isHomed: () => boolean
  /** Ms. */
  now: number
}

interface Chore extends Dated {
  readonly run: (now: number) => void
  readonly everyMs: number
}

export class Swim {
  readonly #init: SwimInit
  readonly #links = new Set<string>()
  readonly #health = new LocalHealth()
  readonly #rumours: Rumours
  readonly #digests: Digests
  readonly #watches: Watches
  readonly #chores = new Deadlines<Chore>()
  /** Members that this one judged or heard dead: one of them is dialled from time to time. */
  readonly #dead = new Set<string>()
  #effects: SwimEffect[] = []
  #now = 0
  #left = false

  constructor(init: SwimInit) {
    this.#init = init
    const { self, settings, scope, ledger, ports } = init
    const emit = (effect: SwimEffect) => void this.#effects.push(effect)
    const links = this.#links
    this.#rumours = new Rumours({
      ...{ self, ledger, links, scope, ports },
      neighbours: () => this.#watches.neighbours(),
      emit: effect => this.#onRumour(effect),
    })
    this.#digests = new Digests({ ledger, rumours: this.#rumours, emit })
    const onDead = (peerId: string) => this.#judged(peerId)
    this.#watches = new Watches({
      self,
      settings,
      scope,
      ledger,
      health: this.#health,
      links,
      ports,
      emit,
      onDead,
    })
    for (const [peerId, , { state }] of ledger) if (state === 'dead') this.#dead.add(peerId)
    this.#repeat(settings.digestMs, () => this.#digest())
    this.#repeat(settings.healMs, () => this.#heal())
  }

  /** When {@link step} wants its next `tick`, ms; Infinity: never. */
  get nextAt(): number {
    return this.#left ? Infinity : Math.min(this.#watches.nextAt, this.#chores.nextAt)
  }

  standingOf(peerId: string): SwimStanding {
    return this.#watches.standingOf(peerId)
  }

  /** 0 (well) to 7: how far the own judgement is to be trusted. */
  get health(): number {
    return this.#health.score
  }

  /** @param now ms of a monotonic clock */
  step(event: SwimEvent, now: number): readonly SwimEffect[] {
    this.#now = now
    if (!this.#left) {
      this.#on(event, now)
      this.#rumours.flush()
      this.#watches.settle(now)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #on(event: SwimEvent, now: number): void {
    switch (event.type) {
      case 'up':
        return this.#onUp(event.peer)
      case 'down':
        this.#links.delete(event.peer)
        this.#watches.changed()
        return this.#watches.onDown(event.peer, event.closed, now)
      case 'heard':
        return this.#watches.clear(event.peer, now)
      case 'message':
        return this.#onMessage(event.message, event.peer, now)
      case 'record':
        return this.#onRecord(event)
      case 'forget':
        this.#init.ledger.forget(event.peer)
        this.#dead.delete(event.peer)
        return this.#watches.end(event.peer)
      case 'own':
        this.#rumours.learn(this.#init.self, { ...event, state: 'alive' }, undefined)
        return
      case 'leave':
        return this.#leave(event.proof)
      case 'scope':
        return this.#watches.changed()
      case 'tick':
        this.#watches.tick(now)
        for (let chore = this.#chores.take(now); chore !== undefined; chore = this.#chores.take(now)) {
          chore.run(now)
          this.#chores.set(chore, now + this.#spread(chore.everyMs))
        }
    }
  }

  #onUp(peer: string): void {
    this.#links.add(peer)
    this.#watches.changed()
    this.#watches.onUp(peer)
    if (this.#init.self < peer) this.#digests.begin(peer)
  }

  #onMessage(message: SwimMessage, from: string, now: number): void {
    this.#watches.clear(from, now)
    switch (message.kind) {
      case 'accuse':
        return this.#onAccuse(message, from, now)
      case 'vouch':
        return this.#watches.clear(message.about, now, from)
      case 'news':
        for (const { peerId, ...evidence } of message.news)
          if (peerId === this.#init.self) this.#onOwnNews(evidence, from)
          else this.#rumours.learn(peerId, evidence, from)
        return
      case 'digest':
        return this.#digests.compare(from, message.hashes)
      case 'held':
        return this.#digests.exchange(from, message.shards, message.held)
      case 'want':
        return this.#digests.answer(from, message.keys)
    }
  }

  /** Where it was taken for dead, other members did not wait for it: it has missed what they learned meanwhile. */
  #onOwnNews(evidence: Evidence, from: string): void {
    this.#rumours.aboutSelf(evidence, from)
    if (evidence.state === 'dead') this.#digests.begin(from)
  }

  #onAccuse(message: Extract<SwimMessage, { kind: 'accuse' }>, from: string, now: number): void {
    const { about, incarnation, closed } = message
    if (about === this.#init.self) return this.#rumours.aboutSelf({ incarnation, state: 'alive' }, from)
    const known = this.#init.ledger.get(about)
    if (known !== undefined && (known.state !== 'alive' || known.incarnation > incarnation))
      this.#rumours.tell(from, [about])
    if (known === undefined || known.state === 'alive') this.#watches.onAccused(about, from, closed, now)
  }

  #onRecord({ peer, incarnation, proof, from }: Extract<SwimEvent, { type: 'record' }>): void {
    if (peer === this.#init.self) return
    // Of a member that is new the relays inform all; where there is none, this one does.
    const isKnown = this.#init.ledger.get(peer) !== undefined
    const spread = from === 'hello' && (isKnown || !this.#init.isHomed())
    this.#rumours.learn(peer, { incarnation, proof, state: 'alive' }, undefined, spread)
  }

  #judged(peerId: string): void {
    const { self, ledger } = this.#init
    const incarnation = ledger.get(peerId)?.incarnation ?? 0
    this.#rumours.learn(peerId, { incarnation, state: 'dead', by: self }, undefined)
  }

  #leave(proof: string): void {
    const { self, ledger } = this.#init
    const incarnation = ledger.get(self)?.incarnation ?? 0
    this.#rumours.learn(self, { incarnation, state: 'left', proof }, undefined)
    this.#rumours.flush()
    this.#left = true
  }

  /** What the ledger believes decides whom to watch. */
  #onRumour(effect: SwimEffect): void {
    this.#effects.push(effect)
    if (effect.type !== 'changed') return
    const { peer, evidence } = effect
    if (evidence.state === 'dead') this.#dead.add(peer)
    else this.#dead.delete(peer)
    if (evidence.state === 'alive') this.#watches.onNewLife(peer, this.#now)
    else this.#watches.end(peer)
  }

  #digest(): void {
    const peer = this.#oneOf([...this.#links])
    if (peer !== undefined && this.#isDigestDue(peer)) this.#digests.begin(peer)
  }

  /** Of one for which each byte costs only a share of them, by chance: as many as it sends itself. */
  #isDigestDue(peer: string): boolean {
    const { ports, settings } = this.#init
    if (ports.isMetered?.(peer) !== true) return true
    return ports.random() < settings.digestMs / swimPresets.metered.digestMs
  }

  #heal(): void {
    if (this.#init.isHomed()) return
    const peer = this.#oneOf([...this.#dead].filter(peerId => !this.#links.has(peerId)))
    if (peer !== undefined) this.#effects.push({ type: 'dial', to: peer })
  }

  #oneOf(peers: readonly string[]): string | undefined {
    return peers[Math.floor(this.#init.ports.random() * peers.length)]
  }

  #repeat(everyMs: number, run: () => void): void {
    const chore = { run, everyMs, due: Infinity, queuedAt: Infinity }
    this.#chores.set(chore, this.#init.now + this.#spread(everyMs))
  }

  /** Not all members at once. */
  #spread(ms: number): number {
    return ms * (0.75 + this.#init.ports.random() / 2)
  }
}
