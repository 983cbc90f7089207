/** Sends presence reports: on change, at least 5 s apart, else each 120 s. */
import type { ControlPlaneClient, Logger } from '@agent-mesh/agent'
import { MeshError, type HeadNumbers, type RelayReport } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { relayDefaults } from '../defaults.ts'
import type { HomedAgents } from './homed-agents.ts'
import type { HomedHealth } from './homed-health.ts'
import { PresenceReport } from './presence-report.ts'

export interface PresenceReporterInit {
  client: Pick<ControlPlaneClient, 'report'>
  homed: HomedAgents
  load: () => RelayReport['load']
  health: () => RelayReport['health']
  /** What its agents report of their health. */
  agents: Pick<HomedHealth, 'report' | 'moved'>
  /** Called with the numbers that each reply carries. */
  onNumbers: (numbers: HeadNumbers) => void
  /** Whether the signed list of revocations names this relay. */
  isRevoked: () => boolean
  log: Logger
  /** @default those of the room */
  pauses?: Record<'reportMinMs' | 'reportIdleMs' | 'reportRetryMs' | 'reportLoadMs', number>
}

export class PresenceReporter {
  readonly #homed: HomedAgents
  readonly #load: () => RelayReport['load']
  readonly #health: () => RelayReport['health']
  readonly #agents: PresenceReporterInit['agents']
  readonly #client: Pick<ControlPlaneClient, 'report'>
  readonly #log: Logger
  readonly #onNumbers: (numbers: HeadNumbers) => void
  readonly #isRevoked: () => boolean
  readonly #pauses: NonNullable<PresenceReporterInit['pauses']>
  readonly #report = new PresenceReport()
  readonly #stopping = new AbortController()
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #loadTimer: NodeJS.Timeout | undefined
  /** Whether the control plane accepts the health of agents: one of an earlier version refuses reports that have it. */
  #takesHealth = false
  #sending: Promise<void> | undefined
  /** Monotonic milliseconds. */
  #lastSent = Number.NEGATIVE_INFINITY
  /** Changed since the report that is on its way. */
  #wanted = false

  constructor(init: PresenceReporterInit) {
    this.#homed = init.homed
    this.#load = init.load
    this.#health = init.health
    this.#agents = init.agents
    this.#client = init.client
    this.#log = init.log
    this.#onNumbers = init.onNumbers
    this.#isRevoked = init.isRevoked
    this.#pauses = init.pauses ?? relayDefaults
    this.#stopListening = init.homed.onChange(() => this.reportSoon())
  }

  start(): void {
    this.#schedule(0)
    this.#loadTimer ??= setInterval(() => {
      if (this.#takesHealth && this.#agents.moved) this.reportSoon()
    }, timerDelay(this.#pauses.reportLoadMs))
  }

  /** Stops; the lease expires. */
  async stop(): Promise<void> {
    this.#stopListening()
    clearTimeout(this.#timer)
    clearInterval(this.#loadTimer)
    this.#stopping.abort()
    await this.#sending
  }

  /** Something of the next report changed: it is sent as soon as it may be. */
  reportSoon(): void {
    this.#wanted = true
    this.#schedule(this.#sinceLast(this.#pauses.reportMinMs))
  }

  /** Something urgent changed: reports now. */
  reportNow(): void {
    this.#wanted = true
    this.#schedule(0)
  }

  /** Milliseconds until `apart` have passed since the last report. */
  #sinceLast(apart: number): number {
    return Math.max(0, this.#lastSent + apart - performance.now())
  }

  #schedule(inMs: number): void {
    if (this.#stopping.signal.aborted || this.#sending !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#sending = this.#send().then(pause => {
        this.#sending = undefined
        this.#schedule(pause)
      })
    }, timerDelay(inMs))
  }

  /** @returns milliseconds until the next report */
  async #send(): Promise<number> {
    this.#lastSent = performance.now()
    this.#wanted = false
    try {
      const health = { ...this.#health(), ...(this.#takesHealth ? this.#agents.report() : {}) }
      const body = { ...this.#report.next(this.#homed.claims()), load: this.#load(), health }
      const { numbers, agentsHealth = false } = await this.#client.report(body, this.#stopping.signal)
      this.#onNumbers(numbers)
      if (agentsHealth && !this.#takesHealth && this.#agents.moved) this.#wanted = true
      this.#takesHealth = agentsHealth
      const more = this.#report.acknowledge(this.#homed.claims()) || this.#wanted
      return more ? this.#pauses.reportMinMs : this.#pauses.reportIdleMs
    } catch (error) {
      if (error instanceof MeshError && error.code === 'conflict') this.#report.restart()
      // Another control plane may answer than before, of an earlier version.
      if (error instanceof MeshError && error.code === 'invalid_argument') this.#takesHealth = false
      if (!this.#stopping.signal.aborted)
        this.#log.warn({ event: 'presence-not-reported', err: error }, 'presence not reported')
      // The control plane ignores a revoked relay. An answer that says so is no proof.
      return this.#isRevoked() ? this.#pauses.reportIdleMs : this.#pauses.reportRetryMs
    }
  }
}
