/** What was true at each time of a run, from its history: which members could work, and who could reach whom. */
import { eventsOf, type FaultKind, type History } from './history.ts'

export interface Span {
  from: number
  to: number
  /** When a member that ended was started again: it may be seen from then on, and works from `to` on. */
  startedAt: number
  kind: FaultKind
  who: readonly string[]
  /** Of a cut: the other side. */
  other: readonly string[]
}

interface Late {
  at: number
  ms: number
}

/** A look at how long a process waited covers so much time before it, ms. */
const lookMs = 500
/** A process that waits for more than this share of the time does next to nothing. */
const standsShare = 0.8
/** Events of the run itself have this name. */
export const machine = 'machine'

/** A member with such a fault does not answer. */
const silences: readonly FaultKind[] = ['kill', 'stop', 'rollback', 'pause']
export const ends: readonly FaultKind[] = ['kill', 'stop', 'rollback']

export class WorldLog {
  readonly spans: readonly Span[]
  readonly #relays: readonly string[]
  readonly #relayed: ReadonlySet<string>
  readonly #late: readonly Late[]
  readonly #starved: ReadonlyMap<string, readonly Late[]>

  constructor(history: History) {
    const faults = eventsOf(history, 'fault')
    const healed = new Map(faults.filter(({ type }) => type !== 'invoke').map(({ id, at }) => [id, at]))
    const starts = eventsOf(history, 'starts')
    const startedAt = (who: readonly string[], from: number) =>
      starts.find(({ at, value }) => at >= from && who.includes(value.who))?.at ?? Infinity
    this.spans = faults
      .filter(({ type }) => type === 'invoke')
      .map(({ at, id, value: { kind, who, from = [] } }) => ({
        ...{ from: at, to: healed.get(id) ?? Infinity, kind, who },
        startedAt: startedAt(who, at),
        other: from,
      }))
    const members = eventsOf(history, 'member')
    this.#relays = members.filter(({ value }) => value.kind === 'relay').map(({ process }) => process)
    this.#relayed = new Set(members.filter(({ value }) => value.relayed).map(({ process }) => process))
    this.#late = eventsOf(history, 'late').map(({ at, value }) => ({ at, ms: value.ms }))
    this.#starved = Map.groupBy(
      eventsOf(history, 'starved').map(({ at, process, value }) => ({ at, ms: value.ms, process })),
      ({ process }) => process,
    )
  }

  /** Faults of a member that touch a time, among the kinds. */
  of(name: string, from: number, to: number, kinds: readonly FaultKind[]): Span[] {
    return this.spans.filter(
      span =>
        kinds.includes(span.kind) &&
        span.from < to &&
        span.to > from &&
        (span.who.includes(name) || span.other.includes(name)),
    )
  }

  /** It runs and is not paused, all the time. */
  works(name: string, from: number, to: number): boolean {
    return this.of(name, from, to, silences).length === 0
  }

  /** Packets pass between the two, and both work, all the time. */
  reaches(a: string, b: string, from: number, to: number): boolean {
    if (!this.works(a, from, to) || !this.works(b, from, to)) return false
    if (!this.#relayed.has(a) && !this.#relayed.has(b)) return !this.#isCut(a, b, from, to)
    return this.#relays.some(
      relay =>
        this.works(relay, from, to) && !this.#isCut(a, relay, from, to) && !this.#isCut(b, relay, from, to),
    )
  }

  /** For how much of that time a process could run and waited for a processor, ms. */
  starved(name: string, from: number, to: number): number {
    return (this.#starved.get(name) ?? [])
      .filter(({ at }) => at >= from && at <= to + lookMs)
      .reduce((sum, { ms }) => sum + ms, 0)
  }

  /** The longest time, within this, in which it could run and got next to no processor: as if it was paused, ms. */
  stood(name: string, from: number, to: number): number {
    let [longest, stands, last] = [0, 0, from - lookMs]
    for (const { at, ms } of this.#starved.get(name) ?? []) {
      if (at < from || at > to + lookMs) continue
      stands = ms > standsShare * (at - last) ? stands + ms : 0
      longest = Math.max(longest, stands)
      last = at
    }
    return longest
  }

  /** What takes several processes may take so much longer, ms: the time for which the worst of them waited, and that of the run. */
  delayed(from: number, to: number): number {
    const members = [...this.#starved.keys()].filter(name => name !== machine)
    const waited = members.map(name => this.starved(name, from, to))
    return Math.max(0, ...waited) + this.lateness(from, to)
  }

  /** How late the run itself was at worst in that time, or for how long it waited for a processor, ms. */
  lateness(from: number, to: number): number {
    return this.#late.reduce(
      (most, { at, ms }) => (at >= from && at - ms <= to ? Math.max(most, ms) : most),
      this.starved(machine, from, to),
    )
  }

  #isCut(a: string, b: string, from: number, to: number): boolean {
    return this.of(a, from, to, ['cut']).some(
      ({ who, other }) => (who.includes(a) && other.includes(b)) || (who.includes(b) && other.includes(a)),
    )
  }
}
