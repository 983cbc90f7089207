/** Runs every pair: each between two agents that were idle towards each other, several at a time where they only wait. */
import { setTimeout as delay } from 'node:timers/promises'
import { pairName, type KindPair } from './expected-paths.ts'
import { kinds, type Kind } from './kinds.ts'
import type { LabMesh, RunningAgent } from './mesh.ts'
import { measurePair, type PairRow } from './pair.ts'
import { complaint } from './report.ts'
import { Turns } from './turns.ts'

/**
 * Hosts of each kind: agents watch their successors on the ring, which links about a quarter of all pairs of 24 agents
 * beforehand, and a pair is measured between two that have no link.
 */
const hostsPerKind = 3
/** At least this many agents: up to eight all watch all, and none would be idle; nine leave nine pairs without a link. */
const leastAgents = 9
/** Pairs under way at once; most of them wait for their ten seconds. */
const atOnce = 5

/** Agents that just met look for better paths; on two cores 24 of them are idle by then, ms. */
const calmMs = 8_000

export interface PairsInit {
  mesh: LabMesh
  pairs: readonly KindPair[]
  onRow: (row: PairRow) => void
  say: (text: string) => void
}

/** Starts the agents and measures all pairs. */
export async function runPairs({ mesh, pairs, onRow, say }: PairsInit): Promise<PairRow[]> {
  const names = hostNames(pairs)
  say(`Starting ${names.length} agents`)
  const hosts = []
  for (const [name, kind] of names) hosts.push(await mesh.topology.host(name, kind))
  await mesh.addAgents(hosts)
  for (const [name, why] of mesh.failed) say(`${name} did not start: ${why}`)
  say('Waiting until all know all')
  await mesh.converged().catch((error: unknown) => say(String(error)))
  await delay(calmMs)
  const run = new PairRun(mesh, onRow, say)
  return run.all(pairs)
}

function hostNames(pairs: readonly KindPair[]): [string, Kind][] {
  const wanted = kinds.filter(kind => pairs.some(({ a, b }) => a === kind || b === kind))
  const each = Math.max(hostsPerKind, Math.ceil(leastAgents / wanted.length))
  return wanted.flatMap(kind =>
    Array.from({ length: each }, (_, n): [string, Kind] => [`${kind}-${n + 1}`, kind]),
  )
}

class PairRun {
  readonly #mesh: LabMesh
  readonly #onRow: (row: PairRow) => void
  readonly #say: (text: string) => void
  readonly #turns = new Turns()
  readonly #busy = new Set<RunningAgent>()
  readonly #running = new Set<Promise<void>>()
  readonly #rows: PairRow[] = []
  readonly #waiting: KindPair[] = []
  /** What was wrong with pairs that are measured once more: two cores are busy with 27 processes, and a fault comes twice. */
  readonly #wrong = new Map<string, string>()

  constructor(mesh: LabMesh, onRow: (row: PairRow) => void, say: (text: string) => void) {
    this.#mesh = mesh
    this.#onRow = onRow
    this.#say = say
  }

  async all(pairs: readonly KindPair[]): Promise<PairRow[]> {
    const waiting = this.#waiting
    waiting.push(...pairs.filter(pair => this.#canRun(pair)))
    while (waiting.length + this.#running.size > 0) {
      const started = this.#running.size < atOnce && (await this.#startOne(waiting))
      if (started) continue
      if (this.#running.size > 0) await Promise.race(this.#running)
      else await this.#makeIdle(waiting[0])
    }
    return this.#rows
  }

  /** A kind whose agents did not start has pairs that failed. */
  #canRun({ a, b }: KindPair): boolean {
    const missing = [a, b].find(kind => !this.#mesh.agents.some(({ site }) => site.kind === kind))
    if (missing === undefined) return true
    const why = [...this.#mesh.failed].find(([name]) => name.startsWith(missing))?.[1] ?? 'no agent runs'
    this.#done({ a, b, path: null, connect_ms: null, upgrade_ms: null, mb_s: null, error: why })
    return false
  }

  #judge(pair: KindPair, row: PairRow): void {
    const name = pairName(pair)
    const before = this.#wrong.get(name)
    const wrong = complaint(row)
    if (before !== undefined) return this.#done({ ...row, again: before })
    if (wrong === undefined) return this.#done(row)
    this.#say(`${wrong}; once more`)
    this.#wrong.set(name, wrong)
    this.#waiting.push(pair)
  }

  #done(row: PairRow): void {
    this.#rows.push(row)
    this.#onRow(row)
  }

  /** Starts the first pair that finds two idle agents. */
  async #startOne(waiting: KindPair[]): Promise<boolean> {
    for (const [n, pair] of waiting.entries()) {
      const found = await this.#idle(pair)
      if (found === undefined) continue
      waiting.splice(n, 1)
      this.#say(`${pairName(pair)}: ${found.map(({ site }) => site.name).join(' calls ')}`)
      this.#start(pair, found)
      return true
    }
    return false
  }

  #start(pair: KindPair, [from, to]: readonly [RunningAgent, RunningAgent]): void {
    this.#busy.add(from).add(to)
    const running = measurePair({ ...pair, from, to }, this.#turns).then(row => {
      this.#busy.delete(from)
      this.#busy.delete(to)
      this.#running.delete(running)
      this.#judge(pair, row)
    })
    this.#running.add(running)
  }

  /** Two agents of these kinds that do nothing now and have no link, seen from both ends. */
  async #idle({ a, b }: KindPair): Promise<[RunningAgent, RunningAgent] | undefined> {
    const free = (kind: Kind) =>
      this.#mesh.agents.filter(agent => agent.site.kind === kind && !this.#busy.has(agent))
    for (const from of free(a))
      for (const to of free(b))
        if (from !== to && !(await linked(from, to)) && !(await linked(to, from))) return [from, to]
    return undefined
  }

  /** All agents of a pair's kinds are linked: one of them gets another identity. */
  async #makeIdle(pair: KindPair | undefined): Promise<void> {
    const agent = this.#mesh.agents.find(({ site }) => site.kind === pair?.b)
    if (agent === undefined) throw new Error('Cannot find two idle agents: none is left')
    this.#say(`Starting ${agent.site.name} anew: all of its kind are linked`)
    await this.#mesh.replaceAgent(agent)
    await this.#mesh.converged().catch((error: unknown) => this.#say(String(error)))
  }
}

async function linked(from: RunningAgent, to: RunningAgent): Promise<boolean> {
  const peer = (await from.api.peers()).find(({ name }) => name === to.site.name)
  return peer?.path !== undefined
}
