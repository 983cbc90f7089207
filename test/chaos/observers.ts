/** Looks at all members all along: whom they list, what they hold on disk, what they warn of and what they use. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosMember, ChaosMesh } from './chaos-mesh.ts'
import type { Recorder } from './history.ts'
import { Starvation } from './starvation.ts'

/** ms. */
const peersEveryMs = 1_000
const restEveryMs = 5_000
/** How often it is seen whether the machine is late, and what counts as late. */
const tickMs = 100
const lateMs = 400
/** How often it is seen for how long a process waited for a processor, and what is worth a record. */
const starvedEveryMs = 500
const starvedMs = 25

export class Observers {
  readonly #history: Recorder
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []
  /** For each observer who was online at the last look. */
  readonly #lists = new Map<string, Map<string, boolean>>()

  constructor({ members, controlPlane }: ChaosMesh, history: Recorder) {
    this.#history = history
    this.#loops.push(this.#every(tickMs, () => this.#lateness()))
    const starved = new Starvation()
    this.#loops.push(this.#every(starvedEveryMs, () => this.#starved('machine', starved.look(process.pid))))
    for (const member of [...members, controlPlane]) {
      const starved = new Starvation()
      this.#loops.push(
        this.#every(starvedEveryMs, () => this.#starved(member.name, starved.look(member.process.pid))),
      )
    }
    for (const member of members)
      this.#loops.push(
        this.#every(peersEveryMs, () => this.#peers(member)),
        this.#every(restEveryMs, () => this.#rest(member)),
      )
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops)
  }

  async #every(ms: number, look: () => unknown): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      // A member that is down or stands still cannot be asked.
      await Promise.resolve(look()).catch(() => undefined)
      await delay(ms, undefined, { signal }).catch(() => undefined)
    }
  }

  #lastTick = performance.now()

  #lateness(): void {
    const now = performance.now()
    const ms = Math.round(now - this.#lastTick - tickMs)
    this.#lastTick = now
    if (ms >= lateMs)
      this.#history.add<'late'>({ process: 'machine', op: 'late', type: 'info', value: { ms } })
  }

  #starved(name: string, ms: number): void {
    if (ms < starvedMs) return
    this.#history.add<'starved'>({ process: name, op: 'starved', type: 'info', value: { ms } })
  }

  async #peers({ name, api, process }: ChaosMember): Promise<void> {
    if (!process.running) return
    const known = this.#lists.get(name) ?? new Map<string, boolean>()
    this.#lists.set(name, known)
    for (const { name: about, online } of await api.peers()) {
      if (known.get(about) === online) continue
      known.set(about, online)
      this.#history.add<'sees'>({ process: name, op: 'sees', type: 'info', value: { about, online } })
    }
  }

  async #rest(member: ChaosMember): Promise<void> {
    const { name, process, api } = member
    if (!process.running) return
    const value = usageOf(process.pid)
    if (value !== undefined) this.#history.add<'usage'>({ process: name, op: 'usage', type: 'info', value })
    const incarnations = await incarnationsIn(member)
    this.#history.add<'holds'>({ process: name, op: 'holds', type: 'info', value: { incarnations } })
    const { warnings } = await api.status()
    this.#history.add<'warns'>({ process: name, op: 'warns', type: 'info', value: { warnings } })
  }
}

/** Undefined for a process that ended, also for one whose end its parent has not read: it has no memory. */
export function usageOf(pid: number | undefined): { rssMb: number; fds: number } | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    if (kib === undefined) return undefined
    return { rssMb: (Number(kib) * 1_024) / 1e6, fds: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}

/** Incarnation of each member in the map on the disk of one, by name. */
export async function incarnationsIn({ data }: ChaosMember): Promise<Record<string, number>> {
  const database = new DatabaseSync(join(data, 'member.db'), { readOnly: true, timeout: 1_000 })
  try {
    const rows = database.prepare('SELECT record, credential FROM map WHERE gone IS NULL').all()
    return Object.fromEntries(
      rows.map(({ record, credential }) => [
        String(payloadOf(credential)['name']),
        Number(payloadOf(record)['incarnation']),
      ]),
    )
  } finally {
    database.close()
  }
}

/** Claims of a compact JWS that its owner has verified. */
const payloadOf = (jws: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(jws).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
