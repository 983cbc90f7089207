/** What each action of `deploy.sh` does. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { isTarget, type Arguments } from './arguments.ts'
import { graceToGoBack } from './commands.ts'
import { deploy, outcomes, type Outcome } from './deployment.ts'
import type { Environment } from './environment.ts'
import { History, targets, type Entry } from './history.ts'
import { Lock } from './lock.ts'
import { openTarget } from './open-target.ts'
import type { Target } from './target.ts'

export interface CommandInit {
  environment: Environment
  /** To the operator, a line. */
  say(line: string): void
  /** Ctrl-C. */
  signal: AbortSignal
}

/** @throws MeshError when nothing was changed */
export async function runCommand(init: CommandInit, args: Arguments): Promise<Outcome> {
  const { releases } = init.environment
  const env = args.env ?? (await defaultEnv(releases, args.action))
  const file = join(releases, `${env}.jsonl`)
  const history = await History.read(file)
  const kind = isTarget(args.action) ? args.action : history.last?.target
  if (kind === undefined) throw neverDeployed(env)
  if (args.action === 'history') return sayHistory(init, args, history)
  if (args.action === 'status') {
    const target = await openTarget({ ...init, kind, env, healthyMs: args.healthyMs, began: () => () => {} })
    return sayStatus(init, args, target, history)
  }
  return change(init, args, { kind, env, file })
}

interface Place {
  kind: Entry['target']
  env: string
  /** The history. */
  file: string
}

async function change(init: CommandInit, args: Arguments, { kind, env, file }: Place): Promise<Outcome> {
  const { environment } = init
  const { healthyMs, waitMs, dryRun, migrate, version, to } = args
  const what = isTarget(args.action) ? `${kind} ${version}` : `rollback of ${kind}`
  const title = `${what}, since ${new Date().toISOString()}`
  // A command that a killed deployment left may first go back by itself.
  const leftMs = Math.max(waitMs, graceToGoBack(healthyMs))
  const lockFile = join(environment.releases, `${env}.lock`)
  const lock = dryRun ? undefined : await Lock.take({ ...init, file: lockFile, title, waitMs, leftMs })
  try {
    // Not before: what was waited for has written to it.
    const history = await History.read(file)
    if (history.last !== undefined && history.last.target !== kind)
      throw otherTarget(env, history.last.target)
    const wanted = isTarget(args.action) ? { version } : history.toRollBackTo(to)
    const began = lock?.began ?? (() => () => {})
    const target = await openTarget({ ...init, kind, env, healthyMs, began })
    return await deploy({ ...init, target, history, kind, dryRun, migrate }, wanted)
  } finally {
    await lock?.release()
  }
}

/** Where none is named. */
const firstEnv = { docker: 'compose', systemd: 'hosts', kubernetes: 'mesh' } as const

/** @throws MeshError invalid_argument where it has to be named */
async function defaultEnv(releases: string, action: Arguments['action']): Promise<string> {
  if (isTarget(action)) return firstEnv[action]
  const files = await readdir(releases).catch(() => [])
  const found = files.filter(file => file.endsWith('.jsonl')).map(file => file.slice(0, -'.jsonl'.length))
  const [only] = found
  if (found.length === 1 && only !== undefined) return only
  throw new MeshError(
    'invalid_argument',
    `Cannot choose the environment: ${found.length === 0 ? 'none was deployed' : `there are ${found.join(', ')}`}`,
    { hint: 'Name it: --env ENV' },
  )
}

function sayHistory({ say }: CommandInit, { json }: Arguments, { entries }: History): Outcome {
  for (const entry of entries)
    say(
      json
        ? JSON.stringify(entry)
        : `${entry.number} ${entry.at} ${entry.target} ${entry.version}: ${entry.outcome}`,
    )
  return outcomes.done
}

async function sayStatus(
  { say, signal }: CommandInit,
  { json }: Arguments,
  target: Target,
  { last }: History,
): Promise<Outcome> {
  const [units, running] = [await target.units(signal), await target.running(signal)]
  const all = units.map(({ name, role }) => ({ name, role, runs: running.get(name) ?? null }))
  if (json) say(JSON.stringify({ last: last ?? null, units: all }))
  else {
    for (const { name, runs } of all) say(`${name}: ${runs ?? 'does not run'}`)
    say(last === undefined ? 'never deployed' : `number ${last.number}: ${last.version}, ${last.outcome}`)
  }
  return outcomes.done
}

const neverDeployed = (env: string): MeshError =>
  new MeshError('not_found', `Cannot find environment ${env}: it was never deployed`, {
    hint: `"deploy.sh ${targets.join('|')} --env ${env}" deploys it.`,
  })

const otherTarget = (env: string, target: Entry['target']): MeshError =>
  new MeshError('conflict', `Cannot deploy: environment ${env} is one of ${target}`, {
    hint: 'Name another one: --env ENV',
  })
