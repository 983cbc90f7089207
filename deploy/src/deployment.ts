/**
 * Puts a build in the place of another, step by step, or puts back what ran before. Each step converges: it does nothing where it has
 * been done, so a deployment that was killed is completed or undone by the next one.
 */
import { MeshError } from '@agent-mesh/protocol/errors'

import { buildBefore } from './build-before.ts'
import type { Entry, History } from './history.ts'
import { wavesOf, type Wave } from './plan.ts'
import { checkReplacement } from './replacement.ts'
import { roles, type Build, type Target, type Unit } from './target.ts'

/** As the exit codes of `deploy.sh`. */
export const outcomes = { done: 0, rolledBack: 1, rollbackFailed: 2, refused: 3 } as const

export type Outcome = (typeof outcomes)[keyof typeof outcomes]

export interface DeploymentInit {
  target: Target
  history: History
  /** Of the target, for the history. */
  kind: Entry['target']
  /** To the operator, a line. */
  say(line: string): void
  /** Ctrl-C: rolls back. */
  signal: AbortSignal
  /** Only says what would be done. */
  dryRun: boolean
  /** Accepts a schema of the database that what runs does not read. */
  migrate: boolean
}

/** A version to find, or an entry of the history with its build. */
export interface Wanted {
  version: string
  build?: Build
}

interface Planned {
  number: number
  version: string
  build: Build
  /** To go back to; undefined at the first deployment. */
  before: Build | undefined
  units: readonly Unit[]
  waves: readonly Wave[]
  /** For the operator, a line each. */
  notes: readonly string[]
}

interface Progress {
  /** Units whose replacement began and did not end. */
  open: readonly Unit[]
}

/** @throws MeshError before anything is changed */
export async function deploy(init: DeploymentInit, wanted: Wanted): Promise<Outcome> {
  const planned = await plan(init, wanted)
  const { history, say, signal, dryRun } = init
  const outcome = history.last?.outcome
  const isSettled = history.proven !== undefined && (outcome === 'deployed' || outcome === 'rolled back')
  if (planned.waves.length === 0 && isSettled) {
    say(`nothing to do: ${planned.version} runs`)
    return outcomes.done
  }
  sayPlan(init, planned)
  if (dryRun) return outcomes.done
  signal.throwIfAborted()
  await record(init, planned, 'begun')
  const progress: Progress = { open: [] }
  try {
    await carryOut(init, planned, progress)
    await record(init, planned, 'deployed')
  } catch (error) {
    say(`failed: ${reasonOf(error)}`)
    return rollBack(init, planned, progress)
  }
  say(`deployed ${planned.version} as number ${planned.number}`)
  return outcomes.done
}

async function plan(init: DeploymentInit, wanted: Wanted): Promise<Planned> {
  const { target, history, signal, say } = init
  say('preflight')
  await target.preflight(signal)
  const build = wanted.build ?? (await target.find(wanted.version, signal))
  const [units, running] = [await target.units(signal), await target.running(signal)]
  const { last } = history
  if (last?.outcome === 'begun')
    say(`number ${last.number} was interrupted: its steps are completed or undone`)
  const before = buildBefore(history, units, running)
  const isRollback = wanted.build !== undefined
  const notes = before === undefined ? [] : await checkReplacement({ ...init, isRollback }, build, before)
  return {
    number: (last?.number ?? 0) + 1,
    version: wanted.version,
    build,
    before,
    units,
    waves: wavesOf(units, build, running),
    notes,
  }
}

function sayPlan({ say }: DeploymentInit, { version, build, before, waves, notes }: Planned): void {
  for (const role of roles)
    if (build[role] !== before?.[role]) say(`plan: ${role} ${before?.[role] ?? 'nothing'} -> ${build[role]}`)
  if (before === undefined) say(`plan: start all with ${version}`)
  else for (const { title } of waves) say(`plan: replace ${title}`)
  for (const note of notes) say(`plan: ${note}`)
}

async function carryOut(
  { target, signal, say }: DeploymentInit,
  planned: Planned,
  progress: Progress,
): Promise<void> {
  const { before, build, waves, number } = planned
  if (before === undefined) {
    say('start all')
    await target.start(build, signal)
  } else {
    const backup = await target.backup(number, signal)
    say(backup === undefined ? 'backup: none, see docs/deploy.md' : `backup ${backup}`)
    for (const { title, units } of waves) {
      signal.throwIfAborted()
      say(`replace ${title}`)
      progress.open = units
      await target.put(units, build, signal)
    }
    progress.open = []
  }
  say('smoke test')
  await target.smoke(build, signal)
  signal.throwIfAborted()
  await target.keep(build)
}

/** Not ended by the Ctrl-C that may have caused it. */
async function rollBack(init: DeploymentInit, planned: Planned, progress: Progress): Promise<Outcome> {
  const { target, say } = init
  const { before } = planned
  try {
    say('rolling back')
    await (before === undefined
      ? target.stop(new AbortController().signal)
      : putBack(init, planned, before, progress))
    await record(init, planned, 'rolled back')
  } catch (error) {
    say(`the rollback failed: ${reasonOf(error)}`)
    if (before !== undefined) for (const line of target.byHand(before)) say(`  ${line}`)
    await record(init, planned, 'rollback failed').catch((cause: unknown) => say(reasonOf(cause)))
    return outcomes.rollbackFailed
  }
  say('rolled back')
  return outcomes.rolledBack
}

async function putBack(
  { target, say }: DeploymentInit,
  { units }: Planned,
  before: Build,
  { open }: Progress,
): Promise<void> {
  const { signal } = new AbortController()
  // What was interrupted may still run the build of before, and be replaced a moment later.
  const running = new Map(await target.running(signal))
  for (const { name } of open) running.delete(name)
  for (const { title, units: together } of wavesOf(units, before, running)) {
    say(`put back ${title}`)
    await target.put(together, before, signal)
  }
  say('smoke test')
  await target.smoke(before, signal)
  await target.keep(before)
}

const record = (
  { history, kind }: DeploymentInit,
  { number, version, build, before }: Planned,
  outcome: Entry['outcome'],
): Promise<void> =>
  history.append({
    number,
    at: new Date().toISOString(),
    target: kind,
    outcome,
    version,
    build,
    ...(before !== undefined && { before }),
  })

function reasonOf(error: unknown): string {
  if (!(error instanceof MeshError)) return String(error)
  return error.hint === undefined ? error.message : `${error.message} ${error.hint}`
}
