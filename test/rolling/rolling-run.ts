/** One run: members restart one after the other while calls run; then their outcomes are counted. */
import type { Agent } from '@agent-mesh/agent'
import { setTimeout as delay } from 'node:timers/promises'
import { seeded } from './call-plan.ts'
import type { RollingOptions } from './command-line.ts'
import { countExecutions, writeExecutionsTo } from './executions.ts'
import { failuresOf, judgeRun, overheads, relayWait, type CallRecord, type Verdict } from './judge-run.ts'
import { Load } from './load.ts'
import type { Member, RollingMesh } from './rolling-mesh.ts'

/** Lists of members agree by then, ms, on a busy machine too. */
const knownMs = 60_000
/** {@link relayWait} of calls behind a relay that restarts is not longer, ms: 475 where the machine is free. */
const relayedP99Ms = 1_000
/** Rounds of relay restarts, at most, until one is quick enough: other work of the machine only adds time. */
const relayRounds = 6
/** Kinds of failure that are shown. */
const shownFailures = 20

interface Run {
  verdict: Verdict
  /** Nothing failed or was doubled, and at least once no call waited too long for another relay. */
  passed: boolean
}
type Say = (line: string) => void
type Observer = Pick<Agent, 'services'>

/** @throws Error when a process does not start, or does not stop cleanly */
export async function rollingRun(mesh: RollingMesh, options: RollingOptions, say: Say): Promise<Run> {
  writeExecutionsTo(mesh.file('executions'))
  await mesh.addRelays(2)
  await mesh.addAgents(options.agents)
  const callers = {
    direct: await mesh.caller('direct', 'any'),
    relayed: await mesh.caller('relayed', 'relay'),
  }
  const observers = Object.values(callers)
  try {
    await allKnown(observers, options.agents)
    for (const caller of observers) await caller.callAll('work.look', { id: 'first-link', ms: 0 })
    say(`${mesh.agents.length} agents and ${mesh.relays.length} relays run; calls begin`)
    const load = new Load(callers, seeded(options.seed))
    load.start()
    const restarting = { mesh, load, observers, say }
    let p99: number
    try {
      await restartEach(mesh.agents, restarting)
      p99 = await quickestRelays(restarting)
    } finally {
      await load.stop()
    }
    const verdict = await judged(load.records, say)
    const slow = p99 > relayedP99Ms
    if (slow)
      say(
        `Too slow: relayed calls waited ${p99} ms more (p99) than twice direct ones, at most ${relayedP99Ms}`,
      )
    return { verdict, passed: !slow && verdict.failed + verdict.doubled === 0 }
  } finally {
    await Promise.all(observers.map(observer => observer.stop()))
  }
}

interface Restarting {
  mesh: RollingMesh
  load: Load
  observers: readonly Observer[]
  say: Say
}

/**
 * Restarts all relays, again while that was too slow. Calls count in the round in which they ended.
 * @returns {@link relayWait} of the quickest round, ms
 */
async function quickestRelays(restarting: Restarting): Promise<number> {
  const { mesh, load, say } = restarting
  let best = Infinity
  for (let round = 1; round <= relayRounds && best > relayedP99Ms; round++) {
    const before = load.records.length
    await restartEach(mesh.relays, restarting)
    const records = load.records.slice(before)
    sayOverheads(records, `while relays restarted, round ${round},`, say)
    best = Math.min(best, relayWait(records))
  }
  return best
}

/** The next one stops when the one before is ready and known, as a supervisor would do it. */
async function restartEach(members: readonly Member[], { mesh, load, observers, say }: Restarting) {
  for (const member of members) {
    const { stopMs, startMs } = await mesh.restart(member)
    await allKnown(observers, mesh.agents.length)
    const failed = load.records.filter(({ failure }) => failure !== undefined).length
    const times = `stopped in ${Math.round(stopMs)} ms, ready after ${Math.round(startMs)} ms more`
    say(`${member.name}: ${times}; ${load.records.length} calls, ${failed} failed, ${load.running} run`)
  }
}

/** Resolves when each observer believes that many providers online. */
async function allKnown(observers: readonly Observer[], agents: number): Promise<void> {
  const online = (observer: Observer) =>
    observer
      .services()
      .find(({ service }) => service === 'work@1')
      ?.providers.filter(it => it.online) ?? []
  const late = performance.now() + knownMs
  while (observers.some(observer => online(observer).length < agents)) {
    if (performance.now() > late)
      throw new Error(`Cannot go on: the callers do not know all ${agents} agents`)
    await delay(50)
  }
}

function sayOverheads(records: readonly CallRecord[], when: string, say: Say): void {
  for (const caller of ['direct', 'relayed']) {
    const { p50, p99, max } = overheads(records.filter(record => record.caller === caller))
    say(
      `${caller} calls ${when} waited ${p50} ms (p50), ${p99} ms (p99), ${max} ms at most beyond their work`,
    )
  }
}

async function judged(records: readonly CallRecord[], say: Say): Promise<Verdict> {
  sayOverheads(records, 'of the whole run', say)
  const executions = await countExecutions()
  const repeated = [...executions].filter(([id, times]) => times > 1 && id.startsWith('look')).length
  say(`${repeated} idempotent calls were repeated after they had begun, as they may be`)
  for (const line of failuresOf(records).slice(0, shownFailures)) say(line)
  return judgeRun(records, executions)
}
