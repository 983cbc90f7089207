/**
 * Changes one setting at a time: what the shadow speaks for is tried, and rolled back when the p99 of the agent's calls is worse by 10 %
 * for 30 s, or when the load ends before it is judged. Calls drive it: it has a timer during a trial alone.
 */
import type { TuningChange, TuningReport } from '@agent-mesh/protocol'
import { startTimer, type StartTimer, type Timer } from '@agent-mesh/protocol/timers'
import type { Logger } from '../observe/logger.ts'
import { tuningDefaults } from './defaults.ts'
import type { Knob, KnobName, Proposal } from './knob.ts'
import { LatencyWindows, type LatencyWindow } from './latency-windows.ts'

const {
  windowsBefore,
  worseFactor,
  worseMs,
  trialMs,
  unjudgedMs,
  restMs,
  mostRestMs,
  changes: mostChanges,
} = tuningDefaults

export interface TunerInit {
  readonly knobs: readonly Knob[]
  /** Monotonic ms. */
  readonly now: () => number
  /** Unix ms. */
  readonly date: () => number
  readonly log: Pick<Logger, 'info'>
  /** @default that of the process */
  readonly start?: StartTimer
}

interface Trial {
  readonly knob: Knob
  readonly proposal: Proposal
  readonly change: TuningChange
  /** Monotonic ms. */
  readonly since: number
  /** Monotonic ms since when it is worse. */
  worseSince: number | undefined
  /** Ends it unless a window of calls judges it before. */
  timer: Timer
}

type State = TuningReport['settings'][number]['state']

export class Tuner {
  readonly #knobs: readonly Knob[]
  readonly #now: () => number
  readonly #date: () => number
  readonly #log: Pick<Logger, 'info'>
  readonly #start: StartTimer
  readonly #windows: LatencyWindows
  readonly #changes: TuningChange[] = []
  /** p99 of the last windows under the settings of now. */
  #before: number[] = []
  #trial: Trial | undefined
  /** After a rollback: monotonic ms until a setting rests, and for how long. */
  readonly #rests = new Map<KnobName, { until: number; ms: number }>()

  constructor({ knobs, now, date, log, start = startTimer }: TunerInit) {
    this.#knobs = knobs
    this.#now = now
    this.#date = date
    this.#log = log
    this.#start = start
    this.#windows = new LatencyWindows(now())
  }

  /** How many changes ended how, since the start. */
  readonly outcomes: Record<TuningChange['outcome'], number> = { trial: 0, kept: 0, 'rolled back': 0 }

  /** The last first. */
  get changes(): readonly TuningChange[] {
    return this.#changes
  }

  stateOf(name: KnobName): State {
    if (this.#trial?.knob.name === name) return 'trial'
    if (this.#isResting(name)) return 'resting'
    return this.#knobs.find(knob => knob.name === name)?.isWatching === true ? 'shadow' : 'idle'
  }

  /** A call of the agent took so many ms. */
  called(ms: number, now: number): void {
    const window = this.#windows.add(ms, now)
    if (window !== undefined) this.#turn(window)
  }

  #turn(window: LatencyWindow): void {
    if (this.#trial !== undefined) return this.#judge(this.#trial, window)
    this.#before = [...this.#before, window.p99Ms].slice(-windowsBefore)
    for (const knob of this.#knobs) if (!this.#isResting(knob.name)) knob.watch()
    if (this.#before.length === windowsBefore) this.#tryNext(window.endedAt)
  }

  #tryNext(now: number): void {
    for (const knob of this.#knobs) {
      const proposal = this.#isResting(knob.name) ? undefined : knob.propose()
      if (proposal !== undefined) return this.#begin(knob, proposal, now)
    }
  }

  #begin(knob: Knob, proposal: Proposal, now: number): void {
    const { after, reason } = proposal
    const p99BeforeMs = median(this.#before)
    const names = { setting: knob.name, before: knob.value, after, reason }
    const change: TuningChange = { at: this.#date(), ...names, outcome: 'trial', p99BeforeMs }
    proposal.apply()
    this.#trial = { knob, proposal, change, since: now, worseSince: undefined, timer: this.#patience() }
    this.outcomes.trial++
    this.#changes.unshift(change)
    this.#changes.splice(mostChanges)
    this.#log.info({ ...names, p99BeforeMs, event: 'tuning-tried' }, 'a tuned setting is tried')
  }

  #judge(trial: Trial, { p99Ms, endedAt, ms }: LatencyWindow): void {
    const { change } = trial
    trial.timer.cancel()
    trial.timer = this.#patience()
    change.p99AfterMs = p99Ms
    const isWorse = p99Ms > change.p99BeforeMs * worseFactor
    trial.worseSince = isWorse ? (trial.worseSince ?? endedAt - ms) : undefined
    if (trial.worseSince !== undefined) {
      if (endedAt - trial.worseSince >= worseMs) this.#rollBack(trial, endedAt)
    } else if (endedAt - trial.since >= trialMs) this.#end(trial, 'kept')
  }

  #rollBack(trial: Trial, now: number): void {
    const { name } = trial.knob
    const ms = Math.min(mostRestMs, (this.#rests.get(name)?.ms ?? restMs / 2) * 2)
    this.#rests.set(name, { until: now + ms, ms })
    trial.proposal.revert()
    this.#end(trial, 'rolled back')
  }

  #patience(): Timer {
    return this.#start(unjudgedMs, () => this.#giveUp(), { ref: false })
  }

  /** Without load nothing shows whether the change is good. The setting does not rest: it was not found to be worse. */
  #giveUp(): void {
    if (this.#trial === undefined) return
    this.#trial.proposal.revert()
    this.#end(this.#trial, 'rolled back')
  }

  #end({ change, timer }: Trial, outcome: 'kept' | 'rolled back'): void {
    timer.cancel()
    change.outcome = outcome
    this.outcomes[outcome]++
    this.#trial = undefined
    this.#before = []
    const { setting, before, after, p99BeforeMs, p99AfterMs } = change
    const event = outcome === 'kept' ? 'tuning-kept' : 'tuning-rolled-back'
    const text = outcome === 'kept' ? 'a tuned setting is kept' : 'a tuned setting is rolled back'
    this.#log.info({ event, setting, before, after, p99BeforeMs, p99AfterMs }, text)
  }

  #isResting(name: KnobName): boolean {
    const rest = this.#rests.get(name)
    return rest !== undefined && this.#now() < rest.until
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0
