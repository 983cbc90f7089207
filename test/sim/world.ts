/** A mesh in virtual time: relays and agents on their rings, what is true of them, and who believes what. */
import { Ledger, RingOrder, RingScope, swimPresets, type SwimPreset } from '@agent-mesh/agent'
import type { Evidence } from '@agent-mesh/protocol'
import { chooseNeighbours } from '@agent-mesh/relay'
import { EventLog } from './event-log.ts'
import { Kernel } from './kernel.ts'
import { Network } from './network.ts'
import { Observations } from './observations.ts'
import { pick, randomFrom } from './random.ts'
import { SimProcess } from './sim-process.ts'

export interface WorldInit {
  members: number
  relays: number
  seed: number
  preset: SwimPreset
  /** Share of messages that come 200 to 1,000 ms late. */
  late: number
}

export class World {
  readonly kernel = new Kernel()
  readonly log = new EventLog()
  readonly network: Network
  readonly agents: readonly SimProcess[]
  readonly relays: readonly SimProcess[]
  readonly seen: Observations
  readonly #byName = new Map<string, SimProcess>()
  /** What all know at the start. */
  readonly #base = new Ledger()
  readonly #homes = new Map<string, readonly string[]>()

  constructor({ members, relays, seed, preset, late }: WorldInit) {
    this.network = new Network({ kernel: this.kernel, random: randomFrom(seed, 'network'), late })
    const [agentOrder, relayOrder] = [new RingOrder('sim', 5), new RingOrder('sim', 5)]
    const named = (kind: string, count: number) =>
      Array.from({ length: count }, (_, i) => `${kind}${i}`.padEnd(52, '-'))
    const relayNames = named('relay', relays)
    const agentNames = named('agent', members)
    const relayEntries = relayNames.map(peerId => ({ peerId, name: peerId, addrs: [] }))
    const random = randomFrom(seed, 'homes')
    for (const name of relayNames) relayOrder.add(name)
    for (const name of agentNames) {
      agentOrder.add(name)
      const home = relays === 0 ? undefined : pick(random, relayNames)
      const others = relayNames.filter(relay => relay !== home)
      const standby = others.length === 0 ? undefined : pick(random, others)
      this.#homes.set(
        name,
        [home, standby].filter(relay => relay !== undefined),
      )
    }
    const homed = new Map<string, string[]>(relayNames.map(relay => [relay, []]))
    for (const [name, homes] of this.#homes) for (const relay of homes) homed.get(relay)?.push(name)
    const process = (name: string) => {
      const relaysOf = (peerId: string) => this.#homes.get(peerId) ?? []
      const scope = new RingScope({
        ...{ self: name, agents: agentOrder, relays: relayOrder, relaysOf },
        ...{ rings: 3, ringsAlone: 5, small: 8 },
        homed: () => (homed.get(name) ?? []).filter(agent => this.#areLinked(name, agent)),
      })
      const made = new SimProcess({
        ...{ name, world: this, kernel: this.kernel, network: this.network, scope },
        isRelay: relayOrder.has(name),
        random: randomFrom(seed, name),
        settings: swimPresets[preset],
        isHomed: () => relayOrder.has(name) || this.#isHomed(name),
        kept: relayOrder.has(name)
          ? chooseNeighbours(relayEntries, name).map(({ peerId }) => peerId)
          : relaysOf(name),
      })
      this.#byName.set(name, made)
      this.#base.merge(name, { incarnation: 1, state: 'alive', proof: made.proof })
      return made
    }
    this.relays = relayNames.map(process)
    this.agents = agentNames.map(process)
    this.seen = new Observations({ kernel: this.kernel, log: this.log, network: this.network, all: this.all })
  }

  get all(): readonly SimProcess[] {
    return [...this.relays, ...this.agents]
  }

  find(name: string): SimProcess | undefined {
    return this.#byName.get(name)
  }

  /** All processes start at once, each knows all, and links that nothing uses are closed from then on. */
  start(): void {
    for (const process of this.all) process.start(new Ledger(this.#base))
    const sweep = () => {
      for (const process of this.all) this.network.closeIdle(process.links.values())
      this.kernel.after(30_000, sweep)
    }
    this.kernel.after(30_000, sweep)
  }

  /** Starts a process that stopped, from its disk: what it is says, and in which state. */
  restart(process: SimProcess, disk: 'kept' | 'lost' | 'old'): void {
    if (process.isOn) return
    const now = Math.floor(this.kernel.now) + process.clockOff
    const stored = disk === 'kept' ? process.disk.incarnation : disk === 'old' ? process.disk.old : 0
    process.incarnation = Math.max(stored + 1, now, 1)
    process.pausedUntil = 0
    process.start(disk === 'kept' ? process.ledger : new Ledger(this.#base))
  }

  onChanged(by: SimProcess, name: string, evidence: Evidence): void {
    const about = this.#byName.get(name)
    if (about !== undefined) this.seen.changed(by, about, evidence)
  }

  onSuspect(by: SimProcess, name: string, suspect: boolean): void {
    const about = this.#byName.get(name)
    if (about !== undefined) this.seen.suspected(by, about, suspect)
  }

  #isHomed(name: string): boolean {
    return (this.#homes.get(name) ?? []).some(relay => this.#areLinked(name, relay))
  }

  #areLinked(name: string, other: string): boolean {
    const [process, peer] = [this.#byName.get(name), this.#byName.get(other)]
    return process !== undefined && peer !== undefined && process.links.has(peer)
  }
}
