/** What the machine has for the processes of a run, all along: how late the run itself is, and for how long each process waits. */
import type { ChaosMesh } from './chaos-mesh.ts'
import type { Recorder } from './history.ts'
import { Looks } from './looks.ts'
import { Starvation } from './starvation.ts'
import { machine } from './world-log.ts'

/** How often it is seen whether the run is late, and what counts as late, ms. */
const tickMs = 100
const lateMs = 400
/** How often it is seen for how long a process waited for a processor, and what is worth a record, ms. */
const starvedEveryMs = 500
const starvedMs = 25
/** A process that waited for longer between two looks makes the machine a busy one, ms. */
const busyMs = starvedEveryMs / 2

export class MachineObserver {
  readonly #history: Recorder
  readonly #looks = new Looks()
  #lastTick = performance.now()
  /** Processes that waited for long, as the last looks saw them. */
  readonly #waiting = new Set<string>()

  constructor({ members, controlPlane }: ChaosMesh, history: Recorder) {
    this.#history = history
    this.#looks.every(tickMs, () => this.#lateness())
    this.#starvation(machine, () => process.pid)
    for (const member of [...members, controlPlane]) this.#starvation(member.name, () => member.process.pid)
  }

  /** Idempotent. */
  stop(): Promise<void> {
    return this.#looks.stop()
  }

  /** Some process waits for a processor half of the time. */
  get isBusy(): boolean {
    return this.#waiting.size > 0
  }

  #lateness(): void {
    const now = performance.now()
    const ms = Math.round(now - this.#lastTick - tickMs)
    this.#lastTick = now
    if (ms >= lateMs) this.#history.add<'late'>({ process: machine, op: 'late', type: 'info', value: { ms } })
  }

  #starvation(name: string, pid: () => number | undefined): void {
    const starvation = new Starvation()
    this.#looks.every(starvedEveryMs, () => {
      const ms = starvation.look(pid())
      if (ms > busyMs) this.#waiting.add(name)
      else this.#waiting.delete(name)
      if (ms < starvedMs) return
      this.#history.add<'starved'>({ process: name, op: 'starved', type: 'info', value: { ms } })
    })
  }
}
