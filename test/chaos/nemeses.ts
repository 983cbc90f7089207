/** Faults on real processes and their networks: each begins, lasts, ends, and is recorded. */
import { appendFile, cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { shell } from '../nat-lab/shell.ts'
import { until } from '../nat-lab/until.ts'
import type { ChaosMember, ChaosMesh } from './chaos-mesh.ts'
import type { Fault, Recorder } from './history.ts'
import { cutTable, lossTable } from './packet-rules.ts'
import { shuffled, type NemesisName, type Strike } from './schedule.ts'

/** Faults of others hold its victims for so long at most, ms. */
const victimMs = 15_000

export class Nemeses {
  readonly #mesh: ChaosMesh
  readonly #history: Recorder
  /** Members that a fault holds: no other strikes them. */
  readonly #busy = new Set<ChaosMember>()
  #count = 0
  /** Those that struck a member. */
  readonly #struck = new Set<NemesisName>()

  constructor(mesh: ChaosMesh, history: Recorder) {
    this.#mesh = mesh
    this.#history = history
  }

  get struck(): ReadonlySet<NemesisName> {
    return this.#struck
  }

  /** Resolves when it is over; while all its victims are struck already it waits for one, up to {@link victimMs}. */
  async strike({ nemesis, ms, draw }: Strike): Promise<void> {
    const strikes = () => this.#nemeses[nemesis](ms, draw)
    if ((await until(strikes, victimMs, 250)) !== undefined) this.#struck.add(nemesis)
  }

  /** Each resolves when its fault is over; false: there was none to strike. */
  readonly #nemeses: Record<NemesisName, (ms: number, draw: () => number) => Promise<boolean>> = {
    'kill-agent': (ms, draw) => this.#kill(this.#agents(draw, 1), ms),
    'kill-three': (ms, draw) => this.#kill(this.#agents(draw, 3), ms),
    'kill-relay': (ms, draw) => this.#kill(this.#free(this.#mesh.relays, draw, 1), ms),
    'kill-control-plane': ms =>
      this.#kill(
        this.#free([this.#mesh.controlPlane], () => 0, 1),
        ms,
      ),
    'restart-agent': (ms, draw) => this.#stop(this.#agents(draw, 1), ms),
    'pause-short': (ms, draw) => this.#pause(this.#agents(draw, 2), ms),
    'pause-long': (ms, draw) => this.#pause(this.#agents(draw, 1), ms),
    'pause-relay': (ms, draw) => this.#pause(this.#free(this.#mesh.relays, draw, 1), ms),
    'cut-one': (ms, draw) => this.#cutOne(ms, draw),
    halves: (ms, draw) => this.#halves(ms, draw),
    'one-way': (ms, draw) => this.#oneWay(ms, draw),
    loss: (ms, draw) => this.#lose(this.#agents(draw, 2), ms),
    slow: (ms, draw) => this.#slow(this.#agents(draw, 2), ms),
    clock: (ms, draw) => this.#moveClock(ms, draw),
    disk: ms => this.#fillDisk(ms),
    database: ms => this.#stopDatabase(ms),
    // A copy of a mounted disk would not be mounted.
    rollback: (ms, draw) => this.#rollBack(this.#free(this.#unmounted, draw, 1), ms),
  }

  #free(among: readonly ChaosMember[], draw: () => number, count: number): ChaosMember[] {
    return shuffled(
      among.filter(each => !this.#busy.has(each)),
      draw,
    ).slice(0, count)
  }

  readonly #agents = (draw: () => number, count: number) => this.#free(this.#mesh.agents, draw, count)

  get #unmounted(): ChaosMember[] {
    return this.#mesh.agents.filter(agent => !this.#mesh.disks.includes(agent))
  }

  /** Records begin and end of a fault around what it does. */
  async #during(
    fault: Omit<Fault, 'who'>,
    members: readonly ChaosMember[],
    work: () => Promise<void>,
  ): Promise<boolean> {
    if (members.length === 0) return false
    const id = `fault-${++this.#count}`
    const value = { ...fault, who: members.map(({ name }) => name) }
    for (const member of members) this.#busy.add(member)
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'invoke', id, value })
    await work()
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'ok', id, value })
    for (const member of members) this.#busy.delete(member)
    return true
  }

  #kill(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    return this.#during({ kind: 'kill' }, members, async () => {
      await Promise.all(members.map(member => this.#mesh.end(member, 'SIGKILL')))
      await delay(ms)
      await Promise.all(members.map(member => this.start(member)))
    })
  }

  #stop(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    return this.#during({ kind: 'stop' }, members, async () => {
      await Promise.all(members.map(member => this.endCleanly(member)))
      await delay(ms)
      await Promise.all(members.map(member => this.start(member)))
    })
  }

  /** SIGTERM, and how and when it ended. */
  async endCleanly(member: ChaosMember): Promise<void> {
    const at = this.#history.now
    const how = await this.#mesh.end(member, 'SIGTERM')
    const value = { ms: this.#history.now - at, how }
    this.#history.add<'exit'>({ process: member.name, op: 'exit', type: 'info', value })
  }

  /** Starts a member again that ended. */
  async start(member: ChaosMember): Promise<void> {
    this.#history.add<'starts'>({
      process: 'nemesis',
      op: 'starts',
      type: 'info',
      value: { who: member.name },
    })
    await this.#mesh.restart(member)
  }

  #pause(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    return this.#during({ kind: 'pause' }, members, async () => {
      for (const { process } of members) process.signal('SIGSTOP')
      await delay(ms)
      for (const { process } of members) process.signal('SIGCONT')
    })
  }

  #rollBack(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    const [member] = members
    if (member === undefined) return Promise.resolve(false)
    return this.#during({ kind: 'rollback' }, members, async () => {
      const copy = `${member.data}.old`
      await this.#mesh.end(member, 'SIGKILL')
      await cp(member.data, copy, { recursive: true, filter: path => !path.endsWith('.sock') })
      await this.start(member)
      await delay(ms)
      await this.#mesh.end(member, 'SIGKILL')
      await rm(member.data, { recursive: true })
      await rename(copy, member.data)
      await this.start(member)
    })
  }

  #everyoneBut = (members: readonly ChaosMember[]): ChaosMember[] =>
    [...this.#mesh.members, this.#mesh.controlPlane].filter(each => !members.includes(each))

  #cutOne(ms: number, draw: () => number): Promise<boolean> {
    const one = this.#agents(draw, 1)
    return this.#cut(one, this.#everyoneBut(one), ms)
  }

  /** Two halves, and one agent that reaches both. */
  #halves(ms: number, draw: () => number): Promise<boolean> {
    const [bridge, ...others] = this.#agents(draw, this.#mesh.agents.length)
    const half = others.slice(0, Math.floor(others.length / 2))
    const [relay] = this.#free(this.#mesh.relays, draw, 1)
    const here = relay === undefined ? half : [...half, relay]
    return this.#cut(here, this.#everyoneBut(bridge === undefined ? here : [...here, bridge]), ms)
  }

  #oneWay(ms: number, draw: () => number): Promise<boolean> {
    const [one, other] = this.#agents(draw, 2)
    return one === undefined || other === undefined
      ? Promise.resolve(false)
      : this.#cut([one], [other], ms, 'one way')
  }

  /** Packets between the two sides are dropped silently; one way: those from there to here. */
  #cut(
    here: readonly ChaosMember[],
    there: readonly ChaosMember[],
    ms: number,
    ways: 'both ways' | 'one way' = 'both ways',
  ): Promise<boolean> {
    const from = there.map(({ site }) => site.address.ip4)
    const name = `cut${++this.#count}`
    const table = cutTable(name, { from, to: ways === 'both ways' ? from : [] })
    return this.#during({ kind: 'cut', from: there.map(({ name }) => name) }, here, () =>
      this.#withTable(here, name, table, ms),
    )
  }

  #lose(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    return this.#during({ kind: 'loss' }, members, () =>
      this.#withTable(members, 'loss', lossTable('loss'), ms),
    )
  }

  async #withTable(members: readonly ChaosMember[], name: string, table: string, ms: number): Promise<void> {
    const each = (script: (edge: string) => string) =>
      shell(members.map(({ edge }) => script(edge)).join('\n'))
    await each(edge => `ip netns exec ${edge} nft -f - <<'RULES'\n${table}\nRULES`)
    await delay(ms)
    await each(edge => `ip netns exec ${edge} nft delete table inet ${name}`)
  }

  /** 1 Mbit/s with a queue of 400 ms. */
  #slow(members: readonly ChaosMember[], ms: number): Promise<boolean> {
    const shape = 'root tbf rate 1mbit burst 16k latency 400ms'
    return this.#during({ kind: 'slow' }, members, async () => {
      await shell(members.map(({ edge }) => `tc -n ${edge} qdisc add dev wan ${shape}`).join('\n'))
      await delay(ms)
      await shell(members.map(({ edge }) => `tc -n ${edge} qdisc del dev wan root`).join('\n'))
    })
  }

  /** A day ahead or behind. */
  #moveClock(ms: number, draw: () => number): Promise<boolean> {
    const [member] = this.#free([...this.#mesh.clocks.keys()], draw, 1)
    const set = member && this.#mesh.clocks.get(member)
    if (member === undefined || set === undefined) return Promise.resolve(false)
    return this.#during({ kind: 'clock' }, [member], async () => {
      await set(draw() < 0.5 ? '+1d' : '-1d')
      await delay(ms)
      await set('+0')
    })
  }

  #fillDisk(ms: number): Promise<boolean> {
    const [member] = this.#free(this.#mesh.disks, () => 0, 1)
    if (member === undefined) return Promise.resolve(false)
    const filler = join(member.data, 'filler')
    return this.#during({ kind: 'disk' }, [member], async () => {
      await fill(filler)
      await delay(ms)
      await rm(filler)
    })
  }

  async #stopDatabase(ms: number): Promise<boolean> {
    const { controlPlane, database } = this.#mesh
    if (this.#busy.has(controlPlane)) return false
    // The control plane stands still with it, and is not struck otherwise.
    this.#busy.add(controlPlane)
    const value = { kind: 'database', who: ['database'] } as const
    const id = `fault-${++this.#count}`
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'invoke', id, value })
    await database.halt()
    await delay(ms)
    await database.resume()
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'ok', id, value })
    this.#busy.delete(controlPlane)
    return true
  }
}

async function fill(file: string): Promise<void> {
  for (const bytes of [64 * 1024, 4_096])
    try {
      for (;;) await appendFile(file, Buffer.alloc(bytes))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
}
