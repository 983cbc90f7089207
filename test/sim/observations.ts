/** What members came to believe, held against what is true. */
import type { Evidence } from '@agent-mesh/protocol'
import type { EventLog } from './event-log.ts'
import type { Kernel } from './kernel.ts'
import type { Network } from './network.ts'
import type { SimProcess } from './sim-process.ts'

export interface ObservationsInit {
  kernel: Kernel
  log: EventLog
  network: Network
  all: readonly SimProcess[]
}

/** A member that could not answer for so long may be taken for dead: the shortest suspicion. */
const excusedMs = 3_000
/** And until it could answer for as long as a suspicion takes: a dial that was on its way is tried again after seconds. */
const settlesMs = 2_000
/** News of a later life may cross the news of its end; longer than this no member believes it. */
const crossingMs = 5_000

/** When a member was last unable to answer, ms. */
export interface Impaired {
  readonly from: number
  readonly until: number
}

/** Whether a member may be judged dead at `now`, ms, although it runs. */
export const isExcused = ({ from, until }: Impaired, now: number): boolean =>
  until + settlesMs > now && Math.min(now, until) - from > excusedMs

export class Observations {
  readonly #init: ObservationsInit
  /** What went against the rules, in words. */
  readonly violations: string[] = []
  /** Ms from each silent end to each member that learned of it. */
  readonly detections: number[] = []
  falseDeaths = 0
  resurrections = 0
  suspicions = 0
  /** How many of the running ones know of the end of each that stopped. */
  readonly #unaware = new Map<SimProcess, Set<SimProcess>>()
  /** When each was last unable to answer, and since when. */
  readonly #impaired = new Map<SimProcess, Impaired>()
  /** When all running members knew of all ends, ms; undefined: not yet. */
  agreedAt: number | undefined
  /** Of verdicts: whether any two members cannot reach each other now. */
  partitionedUntil = -Infinity

  constructor(init: ObservationsInit) {
    this.#init = init
  }

  /** It cannot answer for this long from now on. */
  impaired(process: SimProcess, ms: number): void {
    const { now } = this.#init.kernel
    const known = this.#impaired.get(process)
    const touches = known !== undefined && now - known.until < 2_000
    const until = Math.max(known?.until ?? 0, now + ms)
    this.#impaired.set(process, { from: touches ? known.from : now, until })
  }

  /** It ended: who runs has to learn it. */
  ended(process: SimProcess): void {
    this.#unaware.set(process, new Set(this.#init.all.filter(({ isOn }) => isOn)))
    for (const about of this.#unaware.keys()) this.#isAware(process, about)
    this.agreedAt = undefined
    this.#settle()
  }

  started(process: SimProcess): void {
    this.#unaware.delete(process)
    this.#settle()
  }

  changed(by: SimProcess, about: SimProcess, evidence: Evidence): void {
    const { kernel, log } = this.#init
    const { now } = kernel
    log.add(`${now.toFixed(3)} ${by.name} ${about.name} ${evidence.state} ${evidence.incarnation}`)
    if (evidence.state === 'alive') {
      if (!about.isOn && now - about.offAt > crossingMs) this.#mayBeResurrected(by, about, evidence)
      return
    }
    if (about.isOn) {
      if (evidence.state === 'dead' && evidence.by === by.name && evidence.incarnation >= about.incarnation)
        this.#judgedAlive(by, about)
      return
    }
    if (!this.#isAware(by, about)) return
    this.detections.push(now - about.offAt)
    this.#settle()
  }

  /** It knows, or does not run any more. @returns whether it was waited for */
  #isAware(process: SimProcess, about: SimProcess): boolean {
    const unaware = this.#unaware.get(about)
    const waited = unaware?.delete(process) ?? false
    if (unaware?.size === 0) this.#unaware.delete(about)
    return waited
  }

  suspected(by: SimProcess, about: SimProcess, suspect: boolean): void {
    if (suspect) this.suspicions++
    this.#init.log.add(
      `${this.#init.kernel.now.toFixed(3)} ${by.name} ${about.name} ${suspect ? 'suspect' : 'cleared'}`,
    )
  }

  #judgedAlive(by: SimProcess, about: SimProcess): void {
    const { now } = this.#init.kernel
    const impaired = this.#impaired.get(about)
    const excused = impaired !== undefined && isExcused(impaired, now)
    if (excused || now < this.partitionedUntil + settlesMs) return
    this.falseDeaths++
    this.violations.push(`${Math.round(now)} ms: ${by.name} judged ${about.name} dead, and it runs`)
  }

  #mayBeResurrected(by: SimProcess, about: SimProcess, evidence: Evidence): void {
    const { kernel } = this.#init
    by.whenRunning(crossingMs, () => {
      // What it has to read after a pause comes first.
      if (kernel.now - (this.#impaired.get(by)?.until ?? -Infinity) < crossingMs)
        return this.#mayBeResurrected(by, about, evidence)
      const believed = by.isOn && by.ledger.get(about.name)
      if (
        about.isOn ||
        !believed ||
        believed.state !== 'alive' ||
        believed.incarnation !== evidence.incarnation
      )
        return
      this.resurrections++
      this.violations.push(`${Math.round(kernel.now)} ms: ${by.name} believes that ${about.name} lives again`)
    })
  }

  #settle(): void {
    if (this.#unaware.size === 0) this.agreedAt ??= this.#init.kernel.now
  }
}
