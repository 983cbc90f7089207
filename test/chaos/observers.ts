/** Looks at all members all along: whom they list, what they hold on disk, what they warn of and what they use. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ChaosMember } from './chaos-mesh.ts'
import type { Recorder } from './history.ts'
import { Looks } from './looks.ts'

/** ms. */
const peersEveryMs = 1_000
const restEveryMs = 5_000

export class Observers {
  readonly #history: Recorder
  readonly #looks = new Looks()
  /** For each observer who was online at the last look. */
  readonly #lists = new Map<string, Map<string, boolean>>()

  constructor(members: readonly ChaosMember[], history: Recorder) {
    this.#history = history
    for (const member of members) {
      this.#looks.every(peersEveryMs, () => this.#peers(member))
      this.#looks.every(restEveryMs, () => this.#rest(member))
    }
  }

  /** Idempotent. */
  stop(): Promise<void> {
    return this.#looks.stop()
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
