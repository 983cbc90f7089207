/** What goes wrong: each kind a plan of its own, with a strength that the seed draws. */
import type { End } from './link.ts'
import type { SimProcess } from './sim-process.ts'
import { between, pick, randomFrom, some, type Random } from './random.ts'
import type { World } from './world.ts'

/** A plan: what it breaks between now and `until`; after that all is whole again. */
type Fault = (world: World, random: Random, until: number) => void

const running = (processes: readonly SimProcess[]) => processes.filter(({ isOn }) => isOn)

/** Calls `run` after random waits of `everyMs` on average, until `until`. */
function again(world: World, random: Random, everyMs: number, until: number, run: () => void): void {
  const wait = () => 1_000 - Math.log(1 - random()) * everyMs
  const step = () => {
    if (world.kernel.now > until) return
    run()
    world.kernel.after(wait(), step)
  }
  world.kernel.after(wait(), step)
}

/** A block between two sets, until it is lifted; what was held back goes then. */
function block(world: World, isBlocked: (from: End, to: End) => boolean, ms: number): void {
  const { network, kernel } = world
  network.blocks.push(isBlocked)
  kernel.after(ms, () => {
    network.blocks.splice(network.blocks.indexOf(isBlocked), 1)
    for (const process of world.all) network.unblocked(process.links.values())
  })
}

export function pauseOne(world: World, process: SimProcess, ms: number): void {
  process.pause(ms)
  world.seen.impaired(process, ms)
}

export function end(world: World, process: SimProcess, how: 'silent' | 'killed' | 'left'): void {
  process.stop(how)
  world.seen.ended(process)
}

function restart(world: World, process: SimProcess, disk: 'kept' | 'lost' | 'old'): void {
  world.seen.started(process)
  world.restart(process, disk)
}

/** A stop now and a start later, at the latest when faults end. */
function cycle(how: 'silent' | 'killed' | 'left', disks: readonly ('kept' | 'lost' | 'old')[]): Fault {
  return (world, random, until) =>
    again(world, random, 30_000, until - 20_000, () => {
      const victims = running(world.agents)
      if (victims.length <= world.agents.length * 0.7) return
      const victim = pick(random, victims)
      end(world, victim, how)
      const disk = pick(random, disks)
      if (random() < 0.7)
        world.kernel.at(Math.min(until, world.kernel.now + between(random, 500, 60_000)), () =>
          restart(world, victim, disk),
        )
    })
}

export const faults = {
  pauses: (world, random, until) => {
    const tired = some(random, world.agents, Math.ceil(world.agents.length * between(random, 0.02, 0.1)))
    for (const process of tired)
      again(world, random, 40_000, until, () => pauseOne(world, process, between(random, 500, 20_000)))
  },
  crashes: cycle('silent', ['kept', 'lost']),
  kills: cycle('killed', ['kept', 'lost', 'old']),
  leaves: cycle('left', ['kept', 'lost']),
  clocks: (world, random, until) =>
    again(world, random, 40_000, until, () => {
      pick(random, world.agents).clockOff = between(random, -86_400_000, 3_600_000)
    }),
  /** Two halves, joined by nothing. */
  partition: (world, random, until) =>
    again(world, random, 90_000, until - 90_000, () => {
      if (world.seen.partitionedUntil > world.kernel.now) return
      const share = between(random, 0.1, 0.5)
      const aside = new Set<End>(some(random, world.all, Math.ceil(world.all.length * share)))
      const ms = between(random, 5_000, 80_000)
      world.seen.partitionedUntil = world.kernel.now + ms
      block(world, (from, to) => aside.has(from) !== aside.has(to), ms)
    }),
  /** Two parts from now on until half a minute after the other faults: as long as the run, a day for one. */
  split: (world, random, until) => {
    const aside = new Set<End>(
      some(random, world.all, Math.ceil(world.all.length * between(random, 0.3, 0.5))),
    )
    world.seen.partitionedUntil = until + 30_000
    block(world, (from, to) => aside.has(from) !== aside.has(to), until + 30_000 - world.kernel.now)
  },
  /** One way, between two members. */
  blackHole: (world, random, until) =>
    again(world, random, 15_000, until, () => {
      const [a, b] = some(random, world.all, 2)
      block(world, (from, to) => from === a && to === b, between(random, 1_000, 30_000))
    }),
  slowLinks: (world, random) => {
    const slow = new Set<End>(some(random, world.all, Math.ceil(world.all.length * 0.05)))
    const ms = between(random, 20, 90)
    world.network.delays.push((from, to) => (slow.has(from) || slow.has(to) ? ms : 0))
  },
  relays: (world, random, until) =>
    again(world, random, 60_000, until - 30_000, () => {
      const [victim] = some(random, running(world.relays), 1)
      if (victim === undefined) return
      end(world, victim, random() < 0.5 ? 'silent' : 'killed')
      const back = Math.min(until, world.kernel.now + between(random, 1_000, 60_000))
      world.kernel.at(back, () => restart(world, victim, 'kept'))
    }),
} as const satisfies Record<string, Fault>

export type FaultKind = keyof typeof faults
export const faultKinds = Object.keys(faults) as FaultKind[]

/** A random subset, as swarm testing does: all faults at once hide what two of them do. A split excuses what others would show. */
export function swarmOf(seed: number): FaultKind[] {
  const random = randomFrom(seed, 'swarm')
  return faultKinds.filter(kind => kind !== 'split' && random() < 0.4)
}
