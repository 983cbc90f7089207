import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { sleep } from '@agent-mesh/protocol/timers'

import { commandDefaults } from '../defaults.ts'
import { NothingRunningError } from '../exit-codes.ts'
import { localClient } from './local-client.ts'

export interface ReadyWait {
  /** At most, ms. */
  most: number
  /** The process that is waited for: without it there is nothing to wait for. @default any */
  pid: number | undefined
  signal: AbortSignal
  /** Whether a process that is ready is the one that is waited for. @default any */
  wanted?: (status: LocalStatus) => boolean
}

/** What the process that another one replaces answers while it stops: it breaks off, or says that it has stopped. */
const stopping: ReadonlySet<string> = new Set(['unavailable', 'going_away'])

/**
 * Waits until the process of a data folder, which may not run yet, is ready.
 * @throws MeshError `NothingRunningError` when none runs by then, deadline_exceeded when it is not ready by then, cancelled
 */
export async function untilReady(
  data: string,
  { most, pid, signal, wanted }: ReadyWait,
): Promise<LocalStatus> {
  const client = localClient(data, signal)
  const until = performance.now() + most
  for (;;) {
    const found = await client.status().catch((error: unknown) => {
      if (error instanceof NothingRunningError) return error
      if (wanted !== undefined && error instanceof MeshError && stopping.has(error.code)) return error
      throw error
    })
    if (!(found instanceof Error) && found.ready && wanted?.(found) !== false) return found
    const isOver = performance.now() >= until || (pid !== undefined && hasEnded(pid))
    if (isOver) throw found instanceof Error ? found : notReady(found, most)
    await sleep(commandDefaults.readyLookMs, { signal })
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    // One of another user runs as well.
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

function notReady({ ready, version, checks = [], warnings }: LocalStatus, most: number): MeshError {
  const failing = checks.filter(({ level }) => level === 'failing').map(({ reason, name }) => reason ?? name)
  const reasons = ready ? [`version ${version} still runs`] : [...new Set([...failing, ...warnings])]
  return new MeshError(
    'deadline_exceeded',
    `Cannot wait longer: it is not ready after ${most / 1_000} s${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`,
    { hint: 'Run "agent-mesh doctor".' },
  )
}
