/** Failure detection in virtual time: `npm run sim`. */
import { commandOf, readCommandLine, usage, type SimCommand } from './command-line.ts'
import { drawCurves, measureCurves } from './curves.ts'
import { swarmOf } from './faults.ts'
import { faultsOf } from './judge-run.ts'
import { shrink } from './shrink.ts'
import { simulate, type SimOptions } from './simulate.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)

/** @returns whether it kept its promises */
function runOne(options: SimOptions, json: boolean): boolean {
  const result = simulate(options)
  const faults = faultsOf(result, options)
  print(json ? JSON.stringify(result) : `seed ${options.seed}: ${JSON.stringify(result)}`)
  if (faults.length === 0) return true
  for (const fault of faults.slice(0, 10)) process.stderr.write(`  ${fault}\n`)
  process.stderr.write(`  again: ${commandOf(options)}\n`)
  const smaller = shrink(options, each => faultsOf(simulate(each), each).length > 0)
  if (smaller !== options) process.stderr.write(`  smaller: ${commandOf(smaller)}\n`)
  return false
}

function runAll({ options, seeds, swarm, json }: SimCommand): number {
  let passed = 0
  for (let seed = options.seed; seed < options.seed + seeds; seed++) {
    const faults = swarm ? swarmOf(seed) : options.faults
    // Every eighth without relays: there agents have nothing but each other, which costs five times as many events.
    const relays = seeds > 1 && seed % 8 === 0 ? 0 : options.relays
    if (runOne({ ...options, seed, faults, relays }, json)) passed++
  }
  if (seeds > 1) print(`${passed} passed, ${seeds - passed} failed`)
  return passed === seeds ? 0 : 1
}

function curves(what: 'draw' | 'measure'): void {
  if (what === 'measure') measureCurves()
  drawCurves()
}

function main(): number {
  try {
    const command = readCommandLine(process.argv.slice(2))
    if (command.help) print(usage)
    else if (command.curves !== undefined) curves(command.curves)
    else return runAll(command)
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
    return 2
  }
}

process.exitCode = main()
