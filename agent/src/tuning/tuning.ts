/**
 * The settings that an agent tunes by itself. What tunes is loaded when there is something to tune: a method with a cache, a call with
 * `hedge`, a body on a slow path. Most agents never load it.
 */
import type { TuningReport } from '@agent-mesh/protocol'
import type { Logger } from '../observe/logger.ts'
import { knobNames, type KnobName } from './knob.ts'
import type { TuningSettings } from './settings.ts'
import type { TunedParts } from './tuned-parts.ts'
import type { Tuner } from './tuner.ts'
import { bytesText, hedgeDelayText } from './values.ts'

export interface TuningInit {
  readonly settings: TuningSettings
  /** Monotonic ms. */
  readonly now: () => number
  readonly log: Pick<Logger, 'info' | 'warn'>
}

const none: Tuner['outcomes'] = { trial: 0, kept: 0, 'rolled back': 0 }

export class Tuning {
  readonly #init: TuningInit
  #parts: TunedParts | undefined
  #isAwake = false
  #tuner: Tuner | undefined

  constructor(init: TuningInit) {
    this.#init = init
  }

  /** The parts whose settings are tuned; their pins are set now. */
  attach(parts: TunedParts): void {
    this.#parts = parts
    const { hedgeDelay, cacheSize, cacheAdmission, compression } = this.#init.settings.pins
    parts.compression.onSlow(this.wakeFor('compression'))
    if (hedgeDelay !== undefined) parts.hedging.delay = { ms: hedgeDelay }
    if (compression === true) parts.compression.mode = 'on'
    if (parts.cache === undefined) return
    if (cacheSize !== undefined) parts.cache.room = Math.min(cacheSize, parts.cache.maxBytes)
    if (cacheAdmission !== undefined) parts.cache.admission = cacheAdmission
  }

  /** @returns what to call when there is something to tune one of these settings by; it does nothing where all are pinned */
  wakeFor(...settings: readonly KnobName[]): () => void {
    const { isOn, pins } = this.#init.settings
    const isTuned = isOn && settings.some(setting => pins[setting] === undefined)
    return isTuned ? this.#wake : () => undefined
  }

  readonly #wake = (): void => {
    if (this.#isAwake) return
    this.#isAwake = true
    this.#load().catch((err: unknown) => this.#failed(err))
  }

  /** Whether what tunes is loaded, or about to be. */
  get isAwake(): boolean {
    return this.#isAwake
  }

  /** A call of the agent took so many ms. @param now monotonic ms */
  called(ms: number, now: number): void {
    this.#tuner?.called(ms, now)
  }

  /** The settings of now, and the last changes. */
  report(): TuningReport {
    const { isOn } = this.#init.settings
    const settings = knobNames.flatMap(setting => {
      const value = this.#valueOf(setting)
      return value === undefined ? [] : [{ setting, value, state: this.#stateOf(setting) }]
    })
    return { on: isOn, settings, changes: [...(this.#tuner?.changes ?? [])] }
  }

  /** How many changes ended how, since the start: each is a trial first. */
  get outcomes(): Tuner['outcomes'] {
    return this.#tuner?.outcomes ?? none
  }

  async #load(): Promise<void> {
    const [{ knobsOf }, { Tuner }] = await Promise.all([import('./knobs.ts'), import('./tuner.ts')])
    if (this.#parts === undefined) return
    const { now, log, settings } = this.#init
    const knobs = knobsOf(this.#parts, settings.pins, now)
    this.#tuner = new Tuner({ knobs, now, date: () => Date.now(), log })
  }

  #failed(err: unknown): void {
    this.#init.log.warn({ event: 'tuning-not-started', err }, 'cannot tune settings: they stay as they are')
  }

  #stateOf(name: KnobName): TuningReport['settings'][number]['state'] {
    const { isOn, pins } = this.#init.settings
    if (!isOn) return 'off'
    if (pins[name] !== undefined) return 'pinned'
    return this.#tuner?.stateOf(name) ?? 'idle'
  }

  #valueOf(name: KnobName): string | undefined {
    if (this.#parts === undefined) return undefined
    const { hedging, cache, compression } = this.#parts
    if (name === 'hedgeDelay') return hedgeDelayText(hedging.delay)
    if (name === 'compression') return compression.mode === 'on' ? 'on' : 'off'
    if (cache === undefined) return undefined
    return name === 'cacheSize' ? bytesText(cache.room) : cache.admission
  }
}
