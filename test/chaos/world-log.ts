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

/** A member with such a fault does not answer. */
const silences: readonly FaultKind[] = ['kill', 'stop', 'rollback', 'pause']
export const ends: readonly FaultKind[] = ['kill', 'stop', 'rollback']

export class WorldLog {
  readonly spans: readonly Span[]
  readonly #relays: readonly string[]
  readonly #relayed: ReadonlySet<string>
  readonly #late: readonly { at: number; ms: number }[]

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

  /** How late the machine was at worst in that time, ms. */
  lateness(from: number, to: number): number {
    return this.#late.reduce(
      (most, { at, ms }) => (at >= from && at - ms <= to ? Math.max(most, ms) : most),
      0,
    )
  }

  #isCut(a: string, b: string, from: number, to: number): boolean {
    return this.of(a, from, to, ['cut']).some(
      ({ who, other }) => (who.includes(a) && other.includes(b)) || (who.includes(b) && other.includes(a)),
    )
  }
}
