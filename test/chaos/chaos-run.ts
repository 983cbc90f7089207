/** One run: members start, faults strike while calls run, all heals, all agree, all restart one by one, all end. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { shell } from '../nat-lab/shell.ts'
import { until } from '../nat-lab/until.ts'
import { seeded } from '../rolling/call-plan.ts'
import { countExecutions, writeExecutionsTo } from '../rolling/executions.ts'
import { agreement } from './agreement.ts'
import { Calls } from './calls.ts'
import { ChaosMesh, type ChaosMember } from './chaos-mesh.ts'
import type { EventOf, Phase, Recorder } from './history.ts'
import { MachineObserver } from './machine-observer.ts'
import { contestToken, revokeOne } from './membership-acts.ts'
import { Nemeses } from './nemeses.ts'
import { Observers } from './observers.ts'
import { scheduleOf, type NemesisName } from './schedule.ts'

export interface ChaosOptions {
  seed: number
  agents: number
  minutes: number
  /** @default all faults */
  only?: readonly NemesisName[]
}

export interface ChaosRunInit {
  options: ChaosOptions
  history: Recorder
  /** A folder for what the processes log. */
  logs: string
  say: (line: string) => void
  /** A module that agents serve: `work` as in test/rolling. */
  service?: string
  /** Done beside the faults and not recorded: what the checkers must find. */
  sabotage?: (mesh: ChaosMesh) => Promise<void>
  /** How long it waits for agreement and for leases, ms; the invariants have bounds of their own. */
  waits?: { agreeMs: number; leaseMs: number }
}

const usualService = join(import.meta.dirname, '..', 'rolling', 'work-service.ts')
/** Agents that call: a link costs 40 ms of CPU, and each caller opens one to each agent. */
const mostCallers = 8
const callsPerSecond = { faults: 40, rolling: 60 } as const
/** ms. */
const convergeMs = 60_000
const calmMs = 180_000
/** Until those that restarted are known and have their links, at most. */
const calmedMs = 15_000
const usualWaits = { agreeMs: 60_000, leaseMs: 150_000 } as const
/** So many agents end at once, of each ten. */
const batchShare = 0.1

export class ChaosRun {
  readonly #init: ChaosRunInit
  readonly #mesh: ChaosMesh
  readonly #history: Recorder
  readonly #nemeses: Nemeses

  private constructor(init: ChaosRunInit, mesh: ChaosMesh) {
    this.#init = init
    this.#mesh = mesh
    this.#history = init.history
    this.#nemeses = new Nemeses(mesh, init.history)
  }

  /** Runs to the end; the history has all of it. @returns calls made */
  static async run(init: ChaosRunInit, begun: (mesh: ChaosMesh) => void): Promise<number> {
    const { options, say, service = usualService, history, logs } = init
    // Handlers name each execution in a file whose name they inherit.
    writeExecutionsTo(join(logs, 'executions'))
    const mesh = await ChaosMesh.start({ agents: options.agents, service, logs }, begun)
    say(
      `${options.agents} agents, ${mesh.relays.length} relays, control plane on PostgreSQL: started after ${history.now} ms`,
    )
    return await new ChaosRun(init, mesh).#run()
  }

  async #run(): Promise<number> {
    const { options, say } = this.#init
    const random = seeded(options.seed)
    for (const { name, kind, relayed } of this.#mesh.members)
      if (kind !== 'control-plane')
        this.#history.add<'member'>({ process: name, op: 'member', type: 'info', value: { kind, relayed } })
    const known = await until(() => this.#allSee(), convergeMs, 500)
    say(known === undefined ? 'not all know all' : `all know each other ${Math.round(known)} ms later`)
    const machine = new MachineObserver(this.#mesh, this.#history)
    const observers = new Observers(this.#mesh.members, this.#history)
    try {
      const calls = await this.#faultsAndRestarts(random, machine)
      this.#phase('end')
      await observers.stop()
      await this.#lookAtWarnings()
      await this.#end()
      await this.#countRuns()
      return calls
    } finally {
      await observers.stop()
      await machine.stop()
    }
  }

  /** @returns calls made */
  async #faultsAndRestarts(random: () => number, machine: MachineObserver): Promise<number> {
    const minute = this.#init.options.minutes * 60_000
    const faults = this.#calls(random, callsPerSecond.faults)
    this.#phase('warm-up')
    faults.start()
    try {
      // The schedule says how long calls run before the first fault, when each strikes, and how long they last: by the clock.
      await delay(minute / 12)
      await this.#strike(minute / 2)
      await this.#heal()
      // Memory is compared over these minutes; a shorter run is not judged by it.
      if (minute >= calmMs) {
        this.#phase('calm')
        await delay(calmMs)
      }
    } finally {
      await faults.stop()
    }
    const rolling = this.#calls(random, callsPerSecond.rolling, faults.count)
    try {
      await this.#roll(rolling, machine)
    } finally {
      await rolling.stop()
    }
    return rolling.count
  }

  #phase(name: Phase): void {
    this.#init.say(`phase ${name}`)
    this.#history.add<'phase'>({ process: 'nemesis', op: 'phase', type: 'info', value: { name } })
  }

  #calls(random: () => number, perSecond: number, from = 0): Calls {
    const { agents } = this.#mesh
    const step = Math.max(1, Math.floor(agents.length / mostCallers))
    const callers = agents.filter((_, n) => n % step === step - 1).slice(0, mostCallers)
    return new Calls({ history: this.#history, callers, callees: agents, perSecond, random, from })
  }

  async #strike(ms: number): Promise<void> {
    const { sabotage } = this.#init
    this.#phase('faults')
    const ending = new AbortController()
    try {
      await Promise.all([
        this.#strikeAll(ms, ending.signal),
        contestToken(this.#mesh, this.#history),
        revokeOne(this.#mesh, this.#history, ending.signal),
        sabotage?.(this.#mesh),
      ])
    } finally {
      ending.abort()
    }
  }

  async #strikeAll(ms: number, ending: AbortSignal): Promise<void> {
    const { options, say } = this.#init
    const began = performance.now()
    await Promise.all(
      scheduleOf(options.seed, ms, options.only).map(async strike => {
        await delay(strike.at, undefined, { signal: ending })
        say(`${strike.nemesis} for ${strike.ms} ms`)
        await this.#nemeses.strike(strike)
      }),
    )
    await delay(Math.max(0, ms - (performance.now() - began)))
    say(`struck: ${[...this.#nemeses.struck].join(', ')}`)
  }

  /** All agree, and the leases of the control plane are true. */
  async #heal(): Promise<void> {
    const { agreeMs, leaseMs } = this.#init.waits ?? usualWaits
    this.#phase('healed')
    const { agreedMs, beliefs } = await agreement(this.#mesh.members, agreeMs)
    this.#init.say(
      agreedMs === undefined
        ? 'they do not agree'
        : `all agree ${Math.round(agreedMs)} ms after the last fault`,
    )
    for (const { name, ...belief } of beliefs) this.#believes(name, belief)
    const truth = this.#mesh.members.map(({ name }) => name)
    this.#history.add<'runs'>({ process: 'nemesis', op: 'runs', type: 'info', value: { who: truth } })
    let online: string[] = []
    const isTrue = async () => {
      online = await this.#leases().catch(() => [])
      return `${online.sort()}` === `${truth.toSorted()}`
    }
    await until(isTrue, leaseMs - agreeMs, 3_000)
    this.#believes('control-plane', { online, incarnations: {} })
  }

  #believes(process: string, value: EventOf<'believes'>['value']): void {
    this.#history.add<'believes'>({ process, op: 'believes', type: 'info', value })
  }

  async #leases(): Promise<string[]> {
    const { members } = (await this.#mesh.admin('members', 'list', '--online')) as {
      members: { name: string }[]
    }
    return members.map(({ name }) => name)
  }

  async #allSee(): Promise<boolean> {
    const others = this.#mesh.members.length - 1
    for (const { api } of this.#mesh.members)
      if ((await api.peers().catch(() => [])).filter(({ online }) => online).length < others) return false
    return true
  }

  /** All restart by SIGTERM, agents a tenth at a time, relays one by one. */
  async #roll(calls: Calls, machine: MachineObserver): Promise<void> {
    this.#phase('rolling')
    const { agents, relays } = this.#mesh
    const size = Math.max(1, Math.round(agents.length * batchShare))
    const batches = agents.flatMap((_, n) => (n % size === 0 ? [agents.slice(n, n + size)] : []))
    calls.start()
    for (const batch of [...batches, ...relays.map(relay => [relay])]) {
      await calls.rest(batch)
      await Promise.all(batch.map(each => this.#restart(each)))
      calls.resume(batch)
      // As deployments wait for health before they go on.
      await until(async () => !machine.isBusy && (await this.#allSee()), calmedMs, 500)
    }
  }

  async #restart(member: ChaosMember): Promise<void> {
    const value = { kind: 'stop', who: [member.name] } as const
    const id = `roll-${member.name}`
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'invoke', id, value })
    await this.#nemeses.endCleanly(member)
    await this.#nemeses.start(member)
    this.#history.add<'fault'>({ process: 'nemesis', op: 'fault', type: 'ok', id, value })
  }

  /** The last look at all counts: until none warns, or there was time enough for it. */
  async #lookAtWarnings(): Promise<void> {
    let looks: { name: string; warnings: readonly string[] }[] = []
    const noneWarns = async () => {
      looks = await Promise.all(
        this.#mesh.members.map(async ({ name, api }) => ({ name, warnings: await warningsOf(api) })),
      )
      return looks.every(({ warnings }) => warnings.length === 0)
    }
    await until(noneWarns, usualWaits.agreeMs, 1_000)
    for (const { name, warnings } of looks)
      this.#history.add<'warns'>({ process: name, op: 'warns', type: 'info', value: { warnings } })
  }

  async #end(): Promise<void> {
    const { agents, relays, controlPlane, topology } = this.#mesh
    const waiting = [...agents, ...relays, controlPlane]
    while (waiting.length > 0)
      await Promise.all(waiting.splice(0, 10).map(each => this.#nemeses.endCleanly(each)))
    const names = [...agents, ...relays, controlPlane].map(({ site }) => site.namespace)
    const pids = (await shell(names.map(name => `ip netns pids ${name}`).join('\n')))
      .split('\n')
      .filter(Boolean)
    this.#history.add<'orphans'>({
      process: topology.prefix,
      op: 'orphans',
      type: 'info',
      value: { pids: pids.map(Number) },
    })
  }

  async #countRuns(): Promise<void> {
    for (const [id, times] of await countExecutions())
      this.#history.add<'ran'>({ process: 'handlers', op: 'ran', type: 'info', id, value: { times } })
  }
}

/** One that does not answer warns, too. */
const warningsOf = (api: ChaosMember['api']): Promise<readonly string[]> =>
  api.status().then(
    ({ warnings }) => warnings,
    (error: unknown) => [String(error)],
  )
