/**
 * A fleet on this machine as it really runs: processes of the built command. Parts: `start` (50 agents start, know each
 * other, two of them fall silent), `joins` (100 join at the same moment), `return` (a relay with 200 relayed agents is killed).
 */
import { controlPlaneClient, loadIdentity, type ControlPlaneClient } from '@agent-mesh/agent'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Bench, BenchOptions } from '../bench.ts'
import { MemberProcess } from '../revoke/member-process.ts'
import { CommandProcess } from './command-process.ts'
import { silentPeers } from './silent-peers.ts'
import { mostMs, round1, seconds, untilAll } from './timing.ts'

const fleet = 50
const joins = 100
/** Agents behind one relay, in so many processes. */
const relayed = 200
const relayedProcesses = 4
/** Agents that start at the same time in part `start`. */
const startsAtOnce = 8
const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']

type Figures = Record<string, number>

/** A control plane and what is started with it; `end` leaves nothing behind. */
class Site {
  readonly #folder: string
  readonly #processes: (CommandProcess | MemberProcess)[] = []
  readonly controlPlane: CommandProcess
  admin!: ControlPlaneClient

  private constructor(folder: string) {
    this.#folder = folder
    this.controlPlane = this.run('control-plane', ['control-plane', '--listen', '127.0.0.1:0'])
  }

  static async open(): Promise<Site> {
    const site = new Site(await mkdtemp(join(tmpdir(), 'fleet-')))
    process.once('SIGTERM', () => void site.end().then(() => process.exit(143)))
    const ready = await site.controlPlane.ready
    const { signer } = await loadIdentity(site.controlPlane.data, 'admin-identity.json')
    const [url, meshId] = [String(ready?.['url']), String(ready?.['meshId'])]
    site.admin = controlPlaneClient({ url, meshId, signer })
    return site
  }

  run(name: string, args: readonly string[]): CommandProcess {
    const process = new CommandProcess(join(this.#folder, name), args)
    this.#processes.push(process)
    return process
  }

  async token(uses: number, role: 'agent' | 'relay' = 'agent'): Promise<string> {
    return (await this.admin.createToken({ uses, roles: [role] })).token
  }

  async relay(name: string, listen = loopback): Promise<CommandProcess> {
    const join = await this.token(1, 'relay')
    const relay = this.run(name, ['relay', '--join', join, '--name', name, ...listen])
    await relay.ready
    return relay
  }

  async members(token: string, names: string[]): Promise<MemberProcess> {
    const plan = { folder: this.#folder, token, kind: 'agent', names, paths: 'relay' } as const
    const process = await MemberProcess.start(plan, () => {})
    this.#processes.push(process)
    return process
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map(process => ('end' in process ? process.end() : process.stop())))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

async function startPart(progress: BenchOptions['progress']): Promise<Figures> {
  const site = await Site.open()
  try {
    const relays = [await site.relay('relay-1'), await site.relay('relay-2')]
    const token = await site.token(fleet)
    const began = performance.now()
    const agents: CommandProcess[] = []
    const names = named('agent', fleet)
    const startNext = async () => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const agent = site.run(name, ['up', '--join', token, '--name', name, ...loopback])
        agents.push(agent)
        if ((await agent.ready) === undefined) throw new Error(`Cannot start ${name}: ${agent.said}`)
      }
    }
    await Promise.all(Array.from({ length: startsAtOnce }, startNext))
    const ready_s = seconds(began)
    progress(`${fleet} agents are ready after ${ready_s} s`)
    const readyAt = performance.now()
    const online = async (agent: CommandProcess) =>
      (await agent.peers()).filter(peer => peer.online).length === fleet - 1 + relays.length
    await untilAll(agents, online, 'not all of whom see all online')
    const known_s = seconds(readyAt)
    progress(`all know each other ${known_s} s later`)
    const cpu = (of: readonly CommandProcess[]) => round1(of.reduce((sum, { cpu }) => sum + cpu, 0))
    const figures = {
      ready_s,
      known_s,
      agent_cpu_s: round1(cpu(agents) / fleet),
      relay_cpu_s: round1(cpu(relays) / relays.length),
      control_plane_cpu_s: cpu([site.controlPlane]),
    }
    return { ...figures, ...(await silentPeers(agents, progress)) }
  } finally {
    await site.end()
  }
}

async function joinsPart(progress: BenchOptions['progress']): Promise<Figures> {
  const site = await Site.open()
  try {
    await site.relay('relay-1')
    const token = await site.token(joins)
    const began = performance.now()
    const agents = named('join', joins).map(name =>
      site.run(name, ['up', '--join', token, '--name', name, ...loopback]),
    )
    const ready = await Promise.all(agents.map(({ ready }) => ready))
    const failed = agents.filter((_, i) => ready[i]?.['event'] !== 'ready')
    for (const { said } of failed) progress(`a join failed: ${said}`)
    return { joins, joins_failed: failed.length, joins_s: seconds(began) }
  } finally {
    await site.end()
  }
}

async function returnPart(progress: BenchOptions['progress']): Promise<Figures> {
  const site = await Site.open()
  try {
    const relay = await site.relay('relay-1')
    const [address] = (await relay.ready)?.['addresses'] as string[]
    const again = ['relay', '--listen', String(address).split('/p2p/')[0] ?? '']
    const token = await site.token(relayed)
    const share = relayed / relayedProcesses
    const members = await Promise.all(
      named('process', relayedProcesses).map(name => site.members(token, named(name, share))),
    )
    const all = (order: { order: 'online'; members: number }) =>
      Promise.all(members.map(process => process.ask(order, mostMs)))
    await all({ order: 'online', members: relayed + 1 })
    progress(`${relayed} relayed agents are up`)
    relay.kill('SIGKILL')
    await wait(1_000)
    const returned = site.run('relay-1', again)
    await returned.ready
    const began = performance.now()
    await all({ order: 'online', members: relayed + 1 })
    const relay_return_s = seconds(began)
    progress(`all online again ${relay_return_s} s after the relay was ready`)
    const names = members.flatMap(process => process.members.map(({ name }) => name))
    const calledAt = performance.now()
    const called = await Promise.all(
      members.map((process, i) => {
        const from = process.members.map(({ name }) => name)
        const to = from.map((_, j) => names[((i + 1) * share + j) % names.length] ?? '')
        return process.ask({ order: 'calls', from, to }, mostMs) as Promise<string[]>
      }),
    )
    const relay_return_calls_s = seconds(calledAt)
    const failures = called.flat()
    for (const reason of new Set(failures)) progress(`a call failed: ${reason}`)
    return {
      relayed,
      relay_return_s,
      relay_return_calls: relayed,
      relay_return_calls_failed: failures.length,
      relay_return_calls_s,
      relay_return_cpu_s: round1(returned.cpu),
    }
  } finally {
    await site.end()
  }
}

const parts = { start: startPart, joins: joinsPart, return: returnPart }

export const fleetBench: Bench = {
  about: 'processes of the built command: 50 start, 100 join at once, a relay with 200 returns (--part NAME)',
  async run({ part, progress }) {
    const chosen = Object.entries(parts).filter(([name]) => part === undefined || part === name)
    if (chosen.length === 0)
      throw new Error(`Cannot run part ${part}: there are ${Object.keys(parts).join(', ')}`)
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../../cli/build/build.ts')])
    const figures: Figures = {}
    for (const [name, run] of chosen) {
      progress(`part ${name}`)
      Object.assign(figures, await run(progress))
    }
    return { bench: 'fleet', fleet, ...figures }
  },
}
