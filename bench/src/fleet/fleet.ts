/**
 * A fleet on this machine as it really runs: processes of the built command. Parts: `start` (50 agents start, know each
 * other, two of them fall silent), `joins` (100 join at the same moment), `return` (a relay with 200 relayed agents is killed).
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Bench, BenchOptions } from '../bench.ts'
import type { CommandProcess } from './command-process.ts'
import { silentPeers } from './silent-peers.ts'
import { buildCommand, loopback, named, Site } from './site.ts'
import { mostMs, round1, seconds, untilAll } from './timing.ts'

const fleet = 50
const joins = 100
/** Agents behind one relay, in so many processes. */
const relayed = 200
const relayedProcesses = 4
/** Agents that start at the same time in part `start`. */
const startsAtOnce = 8

type Figures = Record<string, number>

async function startPart(progress: BenchOptions['progress']): Promise<Figures> {
  const site = await Site.open()
  try {
    const relays = [await site.relay('relay-1'), await site.relay('relay-2')]
    const token = await site.token(fleet)
    const began = performance.now()
    const agents = await site.agents(token, named('agent', fleet), startsAtOnce)
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
    await buildCommand()
    const figures: Figures = {}
    for (const [name, run] of chosen) {
      progress(`part ${name}`)
      Object.assign(figures, await run(progress))
    }
    return { bench: 'fleet', fleet, ...figures }
  },
}
