/** What a process did to recover without help, for every kind of process: the last acts, each also logged and counted. */

/** Each thing that a process does to recover, by its stable name, and the part that does it. */
export const recoveryEvents = {
  'clock-set': 'clock',
  'credential-renewed': 'credential',
  'loop-blocked': 'loop',
  'map-asked': 'map',
  'map-reopened': 'map',
  'memory-shed': 'memory',
  'memory-accepts': 'memory',
  'path-suspected': 'path',
  'path-closed': 'path',
  'provider-left-out': 'provider',
  'relay-lost': 'relay',
  'relay-moved': 'relay',
  'relay-regained': 'relay',
  'store-in-memory': 'store',
  'store-written': 'store',
  'store-reconnected': 'store',
  'watch-reopened': 'map',
} as const
export type RecoveryEvent = keyof typeof recoveryEvents
/** Which part acted: a closed set, as it is a label of a metric. */
export type Supervisor = (typeof recoveryEvents)[RecoveryEvent]

/** The same act again counts as one, with how often. */
export interface Act {
  /** Unix ms of the last time. */
  readonly at: number
  readonly supervisor: Supervisor
  readonly event: RecoveryEvent
  /** What was done, and why. */
  readonly act: string
  /** How often. */
  readonly times: number
}

export interface RecoveryInit {
  /** Any log of events. */
  readonly log: { info(fields: { event: RecoveryEvent; supervisor: Supervisor }, message: string): void }
  /** Unix ms. */
  readonly now: () => number
}

/** Acts that are remembered, a count. */
const most = 32

export class Recovery {
  readonly #log: RecoveryInit['log']
  readonly #now: () => number
  readonly #counts = new Map<Supervisor, number>()
  #acts: Act[] = []

  constructor({ log, now }: RecoveryInit) {
    this.#log = log
    this.#now = now
  }

  /** @param act what was done, and why: text without names of strangers, in the past tense */
  acted(event: RecoveryEvent, act: string): void {
    const supervisor = recoveryEvents[event]
    this.#counts.set(supervisor, (this.#counts.get(supervisor) ?? 0) + 1)
    const same = this.#acts.find(known => known.event === event && known.act === act)
    this.#log.info({ event, supervisor }, act)
    this.#acts = this.#acts.filter(known => known !== same)
    this.#acts.push({ at: this.#now(), supervisor, event, act, times: (same?.times ?? 0) + 1 })
    if (this.#acts.length > most) this.#acts.shift()
  }

  /** The oldest first. */
  acts(): readonly Act[] {
    return this.#acts
  }

  /** How often each part acted since the start of the process. */
  counts(): ReadonlyMap<Supervisor, number> {
    return this.#counts
  }
}
