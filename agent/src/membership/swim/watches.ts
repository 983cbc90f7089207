/** The members that this one watches: probes, accusations, and the verdict (SWIM with Lifeguard, on links instead of datagrams). */
import { Accusation } from './accusation.ts'
import { Deadlines } from './deadlines.ts'
import type { SwimEffect, SwimPorts } from './effects.ts'
import type { Ledger } from './ledger.ts'
import { LinkWatch } from './link-watch.ts'
import type { LocalHealth } from './local-health.ts'
import { Questions } from './questions.ts'
import type { Scope, StandingOf, SwimStanding } from './scope.ts'
import { swimPresets, type SwimSettings } from './settings.ts'

export interface WatchesInit {
  self: string
  settings: SwimSettings
  scope: Scope
  ledger: Ledger
  health: LocalHealth
  links: ReadonlySet<string>
  ports: SwimPorts
  emit: (effect: SwimEffect) => void
  /** The verdict. */
  onDead: (peerId: string) => void
}

/** A verdict is put off so often because timers were late (a count); a loop that is always late judges all the same. */
const putOffMost = 3

export class Watches {
  readonly #init: WatchesInit
  readonly #watches = new Map<string, LinkWatch>()
  readonly #deadlines = new Deadlines<LinkWatch>()
  readonly #standingOf: StandingOf
  readonly #questions: Questions
  #stale = true

  constructor(init: WatchesInit) {
    this.#init = init
    this.#standingOf = peerId => {
      const known = init.ledger.get(peerId)
      if (known !== undefined && known.state !== 'alive') return 'dead'
      return this.isSuspect(peerId) ? 'suspect' : 'alive'
    }
    this.#questions = new Questions({ ...init, standingOf: this.#standingOf })
  }

  get nextAt(): number {
    return this.#deadlines.nextAt
  }

  /** What this member believes of another one. */
  standingOf(peerId: string): SwimStanding {
    return this.#standingOf(peerId)
  }

  isSuspect(peerId: string): boolean {
    return this.#watches.get(peerId)?.accusation !== undefined
  }

  /** Those that this member watches, and those that watch it. */
  neighbours(): ReadonlySet<string> {
    const { scope, self } = this.#init
    return new Set([...scope.watched(this.#standingOf).keys(), ...scope.watchersOf(self, this.#standingOf)])
  }

  /** The scope, or what is believed, changed: {@link settle} follows it. */
  changed(): void {
    this.#stale = true
  }

  /** Watches those that the scope names now. */
  settle(now: number): void {
    while (this.#stale) {
      this.#stale = false
      const targets = this.#init.scope.watched(this.#standingOf)
      for (const [peerId, watch] of this.#watches)
        if (!targets.has(peerId)) {
          watch.pace = undefined
          if (watch.phase === 'rest') this.#drop(watch)
        }
      for (const [peerId, pace] of targets) {
        const watch = this.#watches.get(peerId)
        if (watch === undefined) this.#begin(new LinkWatch(peerId, pace), now)
        else if (watch.pace !== pace) {
          watch.pace = pace
          if (watch.phase === 'rest') this.#restFrom(watch, watch.askedAt, now)
        }
      }
    }
  }

  /** A new target: at once when there is no link, so that one is dialled; else at some time within its pace. */
  #begin(watch: LinkWatch, now: number): void {
    const { ports, links } = this.#init
    this.#watches.set(watch.peer, watch)
    const wait = links.has(watch.peer) ? ports.random() * this.#everyMs(watch) : 0
    this.#deadlines.set(watch, now + wait)
  }

  /** All that is due. */
  tick(now: number): void {
    for (let watch = this.#deadlines.take(now); watch !== undefined; watch = this.#deadlines.take(now))
      this.#onDue(watch, watch.due, now)
  }

  /** It answered, or others heard it: what was thought of it is wrong. */
  clear(peerId: string, now: number, by?: string): void {
    const watch = this.#watches.get(peerId)
    if (watch === undefined || watch.phase === 'rest') return
    const { health } = this.#init
    if (by === undefined && watch.phase === 'asked') health.answered()
    const { accusation } = watch
    // Several probed it at the same moment: from now on they shall not.
    const isShared = accusation !== undefined || watch.askers.size > 0
    if (accusation !== undefined) {
      health.refuted(now)
      // Only what this member heard itself is passed on.
      if (by === undefined)
        for (const peer of [...accusation.asked, ...accusation.by.keys()]) watch.askers.add(peer)
    }
    if (by === undefined) this.#questions.vouch(watch)
    this.#settleSuspicion(watch)
    if (watch.pace === undefined) return this.#drop(watch)
    if (isShared && this.#isLinked(watch))
      this.#deadlines.set(watch, now + this.#init.ports.random() * this.#everyMs(watch))
    else if (by === undefined) this.#restFrom(watch, watch.askedAt, now)
    else
      this.#deadlines.set(
        watch,
        now + (this.#isLinked(watch) ? this.#everyMs(watch) : this.#init.settings.redialMs),
      )
  }

  /** Another member accuses this one. */
  onAccused(peerId: string, by: string, closed: boolean, now: number): void {
    const { heardAt } = this.#init.ports
    let watch = this.#watches.get(peerId)
    if (watch === undefined) this.#watches.set(peerId, (watch = new LinkWatch(peerId, undefined)))
    watch.askers.add(by)
    watch.isSaidClosed ||= closed
    const { accusation } = watch
    if (accusation === undefined) {
      if (watch.phase === 'rest') this.#ask(watch, now)
      return
    }
    accusation.by.set(by, closed)
    if (closed) this.#init.emit({ type: 'suspect', peer: peerId, suspicion: watch.suspicion })
    if (!accusation.asked.has(by)) this.#questions.accuse(watch, [by])
    if (watch.phase === 'suspect')
      this.#deadlines.set(watch, accusation.dueAt(now, this.#init.settings, heardAt))
  }

  /** The last link to it ended. */
  onDown(peerId: string, closed: boolean, now: number): void {
    const watch = this.#watches.get(peerId)
    if (watch === undefined || watch.accusation !== undefined) return
    if (closed) {
      watch.askedAt = now
      this.#init.emit({ type: 'dial', to: peerId })
      this.#accuse(watch, true, now)
    } else if (watch.phase === 'rest') this.#ask(watch, now)
  }

  /** A link to it came up: a probe that waited for it goes now. */
  onUp(peerId: string): void {
    const watch = this.#watches.get(peerId)
    if (watch !== undefined && watch.phase !== 'rest') this.#init.emit({ type: 'ping', to: peerId })
  }

  /** It signed a newer record: what is suspected is its life before. */
  onNewLife(peerId: string, now: number): void {
    this.clear(peerId, now, peerId)
    this.changed()
  }

  /** It is dead, left, or is no member any more: nothing is asked about it. */
  end(peerId: string): void {
    const watch = this.#watches.get(peerId)
    if (watch !== undefined) this.#drop(watch)
    this.changed()
  }

  #onDue(watch: LinkWatch, due: number, now: number): void {
    if (watch.phase === 'rest') return this.#probe(watch, now)
    if (this.#init.ports.heardAt(watch.peer) >= watch.askedAt) return this.clear(watch.peer, now)
    if (now - due > this.#init.settings.lateMs && watch.putOff < putOffMost) return this.#putOff(watch, now)
    if (watch.phase === 'asked') this.#accuse(watch, false, now)
    else if (watch.phase === 'suspect') this.#askLast(watch, now)
    else this.#judge(watch, now)
  }

  /** Node fires timers before it reads sockets: the answer may lie unread. */
  #putOff(watch: LinkWatch, now: number): void {
    watch.putOff++
    this.#init.health.late()
    if (watch.phase === 'last') this.#questions.again(watch)
    this.#deadlines.set(watch, now + this.#timeoutMs(watch))
  }

  #probe(watch: LinkWatch, now: number): void {
    const everyMs = this.#everyMs(watch)
    const heardAt = this.#init.ports.heardAt(watch.peer)
    // Of two that watch each other one probe is enough.
    if (this.#isLinked(watch) && now - heardAt < everyMs / 2)
      return this.#deadlines.set(watch, heardAt + everyMs)
    this.#ask(watch, now)
  }

  #ask(watch: LinkWatch, now: number): void {
    watch.askedAt = now
    watch.phase = 'asked'
    watch.putOff = 0
    this.#init.emit({ type: this.#isLinked(watch) ? 'ping' : 'dial', to: watch.peer })
    this.#deadlines.set(watch, now + this.#timeoutMs(watch) * this.#init.health.factor)
  }

  #accuse(watch: LinkWatch, closed: boolean, now: number): void {
    const { settings, ports, emit } = this.#init
    // A slow member waits longer for its probe; that is no time in which others could speak for the accused.
    const accusation = new Accusation(Math.max(watch.askedAt, now - this.#timeoutMs(watch)), closed)
    watch.accusation = accusation
    watch.phase = 'suspect'
    watch.putOff = 0
    for (const by of watch.askers) accusation.by.set(by, false)
    emit({ type: 'suspect', peer: watch.peer, suspicion: watch.suspicion })
    this.#questions.accuse(watch, this.#questions.coWatchers(watch))
    this.changed()
    const dueAt = accusation.dueAt(now, settings, ports.heardAt)
    this.#deadlines.set(watch, Math.min(dueAt, now + settings.suspicionMinMs / 2))
  }

  /** The suspicion may be over, or longer than it was: co-watchers were heard, or were not. */
  #askLast(watch: LinkWatch, now: number): void {
    const { settings, ports } = this.#init
    const dueAt = watch.accusation?.dueAt(now, settings, ports.heardAt) ?? now
    if (dueAt > now) {
      const step = Math.min(dueAt, now + settings.timeoutMs)
      return this.#deadlines.set(watch, step)
    }
    watch.phase = 'last'
    watch.putOff = 0
    this.#questions.again(watch)
    this.#deadlines.set(watch, now + settings.lastMs)
  }

  #judge(watch: LinkWatch, now: number): void {
    const { health, settings, links, ports } = this.#init
    const since = watch.accusation?.since ?? now
    const isHeard = (peerId: string) => peerId !== watch.peer && ports.heardAt(peerId) >= since
    const others = [...links, ...(watch.accusation?.asked ?? [])].filter(peerId => peerId !== watch.peer)
    if (others.some(isHeard)) return this.#init.onDead(watch.peer)
    // All are silent: it is more likely that this member is cut off.
    health.unheard()
    if (others.length === 0 && now - since >= settings.suspicionMaxMs) return this.#init.onDead(watch.peer)
    for (const to of links) this.#init.emit({ type: 'ping', to })
    this.#questions.again(watch)
    this.#deadlines.set(watch, now + this.#timeoutMs(watch) * health.factor)
  }

  #settleSuspicion(watch: LinkWatch): void {
    watch.rest()
    if (watch.accusation === undefined) return
    watch.accusation = undefined
    this.#init.emit({ type: 'suspect', peer: watch.peer, suspicion: watch.suspicion })
    this.changed()
  }

  #restFrom(watch: LinkWatch, from: number, now: number): void {
    const due = Math.max(from, this.#init.ports.heardAt(watch.peer)) + this.#everyMs(watch)
    this.#deadlines.set(watch, Math.max(now, Math.min(due, now + this.#everyMs(watch))))
  }

  #drop(watch: LinkWatch): void {
    this.#settleSuspicion(watch)
    watch.due = Infinity
    this.#watches.delete(watch.peer)
  }

  #isLinked(watch: LinkWatch): boolean {
    return this.#init.links.has(watch.peer)
  }

  #timeoutMs({ peer }: LinkWatch): number {
    const { ports } = this.#init
    const settings = this.#settingsFor(peer)
    return Math.max(settings.timeoutMs, settings.timeoutRtts * (ports.rttMs?.(peer) ?? 0))
  }

  #everyMs({ pace, peer }: LinkWatch): number {
    const { health } = this.#init
    const settings = this.#settingsFor(peer)
    if (pace === 'rest') return settings.restMs
    if (pace === 'close') return settings.closeMs * health.factor
    // The relay probes its agents: they probe it when that fails to come.
    return pace === 'relay' ? settings.homedMs * 1.25 : settings.homedMs
  }

  #settingsFor(peerId: string): SwimSettings {
    return this.#init.ports.isMetered?.(peerId) === true ? swimPresets.metered : this.#init.settings
  }
}
