/** What `npm run sim --` takes, and the command that repeats a run. */
import { parseArgs } from 'node:util'
import { swimPresets, type SwimPreset } from '@agent-mesh/agent'
import { faultKinds, swarmOf, type FaultKind } from './faults.ts'
import type { SimOptions } from './simulate.ts'

export const usage = `npm run sim -- [options]

Runs the failure detection of agents and relays in virtual time: the product's modules, over links that behave as TCP, in processes
that behave as Node (after a pause timers fire before sockets are read). The same options give the same result and the same hash.

  --members N     agents (default: 100)
  --relays N      relays; 0: agents watch each other alone (default: 2)
  --seed N        (default: 1)
  --hours H       virtual time (default: 0.1); --until MS says it in ms
  --preset P      ${Object.keys(swimPresets).join(', ')} (default: edge)
  --paused SHARE  of the agents, which pause about once a minute (default: 0.05), for --pause-ms MS each (default: 3000)
  --crashes N     agents that end silently in the second half (default: a fifth, at most 200)
  --kill SHARE    of the agents end silently at once, after 30 s: when do the others agree?
  --faults LIST   ${faultKinds.join(', ')};
                  "swarm": a subset that the seed draws (default: none)
  --seeds N       this seed and the next ones, each with its own swarm of faults: no pauses and crashes beside them
  --curves draw   draws docs/membership-detection.svg and membership-bytes.svg from docs/membership-figures.json;
                  "measure": measures what that file lacks before, about 10 minutes of CPU for all
  --json          one line for each run

Exits 1 when a member was judged dead that runs, when one that ended came to life again, when members disagree a minute after the last
fault, or when detection is slower than 8 s in 99 of 100 cases (presets edge and lan). A failure is made smaller, and its command
printed.
Costs on one core: 1,000 members for an hour with relays about 1 minute, without relays about 4; 40 seeds x 100 members x 10 minutes
about 40 s.`

export interface SimCommand {
  options: SimOptions
  /** How many seeds from this one on. */
  seeds: number
  swarm: boolean
  json: boolean
  help: boolean
  /** Nothing else is done then. */
  curves: 'draw' | 'measure' | undefined
}

const flags = {
  members: { type: 'string', default: '100' },
  relays: { type: 'string', default: '2' },
  seed: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '1' },
  hours: { type: 'string', default: '0.1' },
  until: { type: 'string' },
  preset: { type: 'string', default: 'edge' },
  paused: { type: 'string' },
  'pause-ms': { type: 'string', default: '3000' },
  crashes: { type: 'string' },
  kill: { type: 'string', default: '0' },
  faults: { type: 'string', default: '' },
  curves: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @throws Error that says what is wrong */
export function readCommandLine(args: readonly string[]): SimCommand {
  const { values } = parseArgs({ args: [...args], options: flags })
  const seeds = numberOf('--seeds', values.seeds, 1, 10_000)
  const swarm = seeds > 1 || values.faults === 'swarm'
  const seed = numberOf('--seed', values.seed, 0, 2 ** 31)
  const members = numberOf('--members', values.members, 2, 100_000)
  const hours = numberOf('--hours', values.hours, 0.01, 1_000)
  const kill = numberOf('--kill', values.kill, 0, 0.9)
  const faults = swarm ? swarmOf(seed) : listOf(values.faults)
  const quiet = swarm || faults.length > 0
  const usual = quiet || kill > 0 ? 0 : Math.min(200, Math.floor(members / 5))
  const options: SimOptions = {
    members,
    seed,
    kill,
    faults,
    relays: numberOf('--relays', values.relays, 0, 256),
    until: values.until === undefined ? hours * 3_600_000 : numberOf('--until', values.until, 40_000, 1e12),
    preset: presetOf(values.preset),
    paused: values.paused === undefined ? (quiet ? 0 : 0.05) : numberOf('--paused', values.paused, 0, 1),
    pauseMs: numberOf('--pause-ms', values['pause-ms'], 0, 600_000),
    crashes: values.crashes === undefined ? usual : numberOf('--crashes', values.crashes, 0, 100_000),
    late: 0.01,
  }
  return { options, seeds, swarm, json: values.json, help: values.help, curves: curvesOf(values.curves) }
}

/** The command that does the same again. */
export const commandOf = (options: SimOptions): string =>
  [
    `npm run sim -- --seed ${options.seed} --members ${options.members} --relays ${options.relays}`,
    `--until ${Math.round(options.until)} --preset ${options.preset}`,
    `--paused ${options.paused} --pause-ms ${options.pauseMs} --crashes ${options.crashes} --kill ${options.kill}`,
    ...(options.faults.length > 0 ? [`--faults ${options.faults.join(',')}`] : []),
  ].join(' ')

function numberOf(option: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= least && number <= most))
    throw new Error(`Cannot read ${option} ${text}: it is a number from ${least} to ${most}`)
  return number
}

function curvesOf(text: string | undefined): SimCommand['curves'] {
  if (text === undefined || text === 'draw' || text === 'measure') return text
  throw new Error(`Cannot read --curves ${text}: it is draw or measure`)
}

function presetOf(text: string): SwimPreset {
  if (Object.hasOwn(swimPresets, text)) return text as SwimPreset
  throw new Error(`Cannot read --preset ${text}: it is one of ${Object.keys(swimPresets).join(', ')}`)
}

function listOf(text: string): FaultKind[] {
  const names = text.split(',').filter(name => name !== '')
  const unknown = names.find(name => !(faultKinds as string[]).includes(name))
  if (unknown !== undefined)
    throw new Error(`Cannot read --faults ${unknown}: it is one of ${faultKinds.join(', ')}`)
  return names as FaultKind[]
}
