/** One run: a world, its faults, and what came of it. */
import type { SwimPreset } from '@agent-mesh/agent'
import { end, faults, pauseOne, type FaultKind } from './faults.ts'
import { between, randomFrom, some } from './random.ts'
import { World } from './world.ts'

export interface SimOptions {
  members: number
  relays: number
  seed: number
  /** Virtual ms. */
  until: number
  preset: SwimPreset
  /** Share of agents that pause for `pauseMs`, about once a minute. */
  paused: number
  pauseMs: number
  /** Agents that end silently in the second half. */
  crashes: number
  /** Share of agents that end silently at once, after 30 s. */
  kill: number
  /** Share of messages that come 200 to 1,000 ms late. */
  late: number
  faults: readonly FaultKind[]
}

export interface SimResult {
  members: number
  relays: number
  seed: number
  hours: number
  false_deaths: number
  resurrections: number
  /** Ms from a silent end to each member that learned of it. */
  p50_ms: number | null
  p99_ms: number | null
  max_ms: number | null
  /** Ms from the kill until all survivors knew all of it; null: not asked for, or never. */
  agreed_ms: number | null
  /** Sent and received by an agent, 1,000 bytes a second. */
  kb_s: number
  suspicions: number
  events: number
  violations: readonly string[]
  log: string
}

/** After the last fault all members agree within this. */
const convergesMs = 60_000
/** Members are linked by then. */
const settledMs = 30_000

export function simulate(options: SimOptions): SimResult {
  const world = new World(options)
  const { kernel, network, seen } = world
  const random = randomFrom(options.seed, 'faults')
  world.start()
  const swarms = options.faults.length > 0
  const faultsEnd = swarms ? options.until - convergesMs - 30_000 : options.until
  for (const kind of options.faults)
    kernel.at(settledMs, () => faults[kind](world, randomFrom(options.seed, kind), faultsEnd))
  planPauses(world, options)
  planCrashes(world, options)
  kernel.run(settledMs)
  const bytesBefore = network.bytes
  let killedAt: number | undefined
  if (options.kill > 0) {
    killedAt = kernel.now
    const victims = some(random, world.agents, Math.floor(world.agents.length * options.kill))
    for (const victim of victims) end(world, victim, 'silent')
  }
  kernel.run(options.until)
  if (swarms) judgeAgreement(world)
  const { agreedAt } = seen
  if (killedAt !== undefined && agreedAt === undefined)
    seen.violations.push('the survivors do not agree who was killed')
  const seconds = (options.until - settledMs) / 1_000
  const sorted = seen.detections.toSorted((a, b) => a - b)
  const quantile = (q: number) =>
    sorted.length === 0
      ? null
      : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0)
  return {
    members: options.members,
    relays: options.relays,
    seed: options.seed,
    hours: options.until / 3_600_000,
    false_deaths: seen.falseDeaths,
    resurrections: seen.resurrections,
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    max_ms: quantile(1),
    agreed_ms: killedAt === undefined || agreedAt === undefined ? null : Math.round(agreedAt - killedAt),
    kb_s: Number(((network.bytes - bytesBefore) / options.members / seconds / 1_000).toFixed(2)),
    suspicions: seen.suspicions,
    events: kernel.events,
    violations: seen.violations,
    log: `sha256-${world.log.digest()}`,
  }
}

function planPauses(world: World, { seed, paused, pauseMs, until }: SimOptions): void {
  const random = randomFrom(seed, 'pauses')
  for (const process of some(random, world.agents, Math.round(world.agents.length * paused))) {
    const pause = () => {
      if (world.kernel.now > until) return
      pauseOne(world, process, pauseMs)
      // Two pauses less than a second apart are one longer pause.
      world.kernel.after(pauseMs + 1_000 - Math.log(1 - random()) * 56_000, pause)
    }
    world.kernel.at(settledMs + random() * 60_000, pause)
  }
}

function planCrashes(world: World, { seed, crashes, until }: SimOptions): void {
  const random = randomFrom(seed, 'crashes')
  for (const process of some(random, world.agents, Math.min(crashes, Math.floor(world.agents.length / 5))))
    world.kernel.at(between(random, until / 2, until - 20_000), () => end(world, process, 'silent'))
}

/** Liveness: faults are over for long enough, so all that run believe the same, and what is true. */
function judgeAgreement({ all, seen }: World): void {
  const running = all.filter(({ isOn }) => isOn)
  const wrong = running.flatMap(process =>
    all.flatMap(about => {
      const believed = process.ledger.get(about.name)?.state ?? 'unknown'
      return (believed === 'alive') === about.isOn
        ? []
        : [`${process.name} believes ${about.name} ${believed}`]
    }),
  )
  for (const each of wrong.slice(0, 5)) seen.violations.push(`at the end ${each}`)
  if (wrong.length > 5) seen.violations.push(`and ${wrong.length - 5} more`)
  const [first] = running
  const differ = running.filter(({ ledger }) => `${ledger.hashes}` !== `${first?.ledger.hashes}`)
  if (differ.length > 0)
    seen.violations.push(`at the end ${differ.length} of ${running.length} hold other evidence`)
}
