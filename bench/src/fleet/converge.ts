/**
 * How soon agents know each other: 50 start, and from the moment at which the last is ready it is measured when each lists all others
 * as online. Then more start, 100 in all, and one of them calls all. Relays, control plane and agents are processes on one machine.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Bench, BenchOptions, BenchResult } from '../bench.ts'
import type { CommandProcess } from './command-process.ts'
import { buildCommand, named, Site } from './site.ts'
import { mostMs, round1, seconds } from './timing.ts'

const fleet = 50
/** Agents that start at the same time: more would wait for the processors. */
const startsAtOnce = 4
/** ms between two looks at the lists of those that do not know all yet. */
const lookMs = 100

const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length

/** @returns ms from now until each agent lists so many others online, in the order of these times */
async function knowAll(agents: readonly CommandProcess[], others: number): Promise<number[]> {
  const began = performance.now()
  const took: number[] = []
  let waiting = [...agents]
  while (waiting.length > 0) {
    if (performance.now() - began > mostMs)
      throw new Error(`Cannot wait longer: ${waiting.length} do not know all`)
    const know = await Promise.all(
      waiting.map(async agent => (await agent.peers()).filter(({ online }) => online).length >= others),
    )
    for (const known of know) if (known) took.push(performance.now() - began)
    waiting = waiting.filter((_, i) => know[i] !== true)
    if (waiting.length > 0) await wait(lookMs)
  }
  return took
}

async function run({ members, progress }: BenchOptions): Promise<BenchResult> {
  await buildCommand()
  const site = await Site.open()
  try {
    const relays = [await site.relay('relay-1'), await site.relay('relay-2')]
    const token = await site.token(Math.max(fleet, members))
    const names = named('agent', Math.max(fleet, members))
    const began = performance.now()
    const agents = await site.agents(token, names.slice(0, fleet), startsAtOnce)
    progress(`${fleet} agents are ready after ${seconds(began)} s`)
    const took = await knowAll(agents, fleet - 1 + relays.length)
    const waited = mean(agents.map(({ waited }) => waited))
    const at = (share: number) => Math.round(took[Math.ceil(share * took.length) - 1] ?? 0)
    progress(`all know each other ${at(1)} ms later`)
    agents.push(...(await site.agents(token, names.slice(fleet), startsAtOnce)))
    await knowAll(agents, names.length - 1 + relays.length)
    progress(`${names.length} agents know each other after ${seconds(began)} s`)
    const calledAt = performance.now()
    const call_all_answered = (await agents[0]?.callAll()) ?? 0
    return {
      bench: 'converge',
      agents: fleet,
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      agent_waited_s: round1(waited),
      call_all_agents: names.length,
      call_all_answered,
      call_all_ms: Math.round(performance.now() - calledAt),
      agent_rss_mb: round1(mean(agents.map(({ rssMb }) => rssMb))),
      agent_cpu_s: Number(mean(agents.map(({ cpu }) => cpu)).toFixed(2)),
    }
  } finally {
    await site.end()
  }
}

export const converge: Bench = {
  about: `processes of the built command: ${fleet} agents know each other, then 100 start and one calls all (--members N)`,
  run,
}
