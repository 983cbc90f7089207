/** A process whose recovery is watched from outside: its log, its counters, and what `agent-mesh doctor` says of it. */
import { recoveryEvents, type RecoveryEvent } from '@agent-mesh/protocol'
import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { expect, vi } from 'vitest'
import { lastJson, runCommand, type Daemon } from './command.ts'

interface LoggedAct {
  event: RecoveryEvent
  supervisor: string
  msg: string
}

export interface RecordedProcessInit {
  /** JSON lines. */
  log: Readable | null
  /** Prometheus text of the process. */
  metricsUrl: string
  data: string
}

/** Acts of a process follow a fault within this, ms: the slowest is a path that is closed after 15 s. */
const patience = { timeout: 90_000, interval: 250 }

/** So many of the last ones are in the line of doctor. */
const shownActs = 4

export class RecordedProcess {
  readonly #init: RecordedProcessInit
  readonly #acts: LoggedAct[] = []

  constructor(init: RecordedProcessInit) {
    this.#init = init
    if (init.log === null) throw new Error('its log is not captured')
    createInterface({ input: init.log }).on('line', line => {
      // Warnings of Node.js are no lines of the log.
      if (!line.startsWith('{')) return
      const act = JSON.parse(line) as Partial<LoggedAct>
      if (act.event !== undefined && act.event in recoveryEvents) this.#acts.push(act as LoggedAct)
    })
  }

  static of({ child, data, ready }: Daemon, metricsUrl = String(ready['metricsUrl'])): RecordedProcess {
    return new RecordedProcess({ log: child.stderr, metricsUrl: `${metricsUrl}/metrics`, data })
  }

  /** How often the part of an act has acted, as the metrics page says. */
  async #count(event: RecoveryEvent): Promise<number> {
    const page = await (await fetch(this.#init.metricsUrl)).text()
    const label = `agent_mesh_recoveries_total{supervisor="${recoveryEvents[event]}"}`
    return Number(
      page
        .split('\n')
        .find(line => line.startsWith(label))
        ?.slice(label.length) ?? 0,
    )
  }

  /** Provokes acts, and expects each in the log, in the counter and in the line of doctor. */
  async records(events: readonly RecoveryEvent[], provoke: () => Promise<unknown>): Promise<void> {
    const before = new Map<RecoveryEvent, number>()
    for (const event of events) before.set(event, await this.#count(event))
    const seen = this.#acts.length
    await provoke()
    const acts = await vi.waitFor(() => {
      const logged = this.#acts.slice(seen)
      expect(logged.map(({ event }) => event)).toEqual(expect.arrayContaining([...events]))
      return logged.filter(({ event }) => events.includes(event))
    }, patience)
    for (const { event, supervisor } of acts) {
      expect(supervisor).toBe(recoveryEvents[event])
      expect(await this.#count(event)).toBeGreaterThan(before.get(event)!)
    }
    const ask = async (command: string) =>
      lastJson(await runCommand([command, '--json', '--data', this.#init.data]))
    // Others may follow at any time.
    await vi.waitFor(async () => {
      const known = (await ask('status'))['acts'] as { supervisor: string; act: string }[]
      for (const { supervisor, msg } of acts)
        expect(known).toContainEqual(expect.objectContaining({ supervisor, act: msg }))
      const checks = (await ask('doctor'))['checks'] as { check: string; found: string }[]
      const found = checks.find(({ check }) => check === 'recovery')?.found
      for (const { supervisor, act } of known.slice(-shownActs))
        expect(found).toContain(`${supervisor}: ${act}`)
    }, patience)
  }
}
