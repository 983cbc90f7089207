import type { AuditEntry } from '@agent-mesh/protocol/audit'
import { toMeshError, type ErrorCode, type MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as wait } from 'node:timers/promises'

import { commandDefaults } from '../defaults.ts'
import type { AuditSource } from './audit-source.ts'

/** Transient errors of a control plane that restarts, or of the path to it. */
const passing: readonly ErrorCode[] = ['unavailable', 'deadline_exceeded', 'overloaded', 'rate_limited']

export interface FollowOptions {
  /** Number of the last entry that was seen. */
  after: number
  /** Ends it. */
  signal: AbortSignal
  /** Called with the error that keeps it from reading: once, until it reads again. */
  onTrouble: (error: MeshError) => void
  /** Between two looks, ms. @default 1,000 */
  everyMs?: number
}

/** New entries, each once. @throws MeshError for permanent errors */
export async function* followEntries(
  source: Pick<AuditSource, 'entries'>,
  { after, signal, onTrouble, everyMs = commandDefaults.auditFollowMs }: FollowOptions,
): AsyncGenerator<AuditEntry> {
  let troubled = false
  for (;;) {
    await wait(timerDelay(everyMs), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      for await (const entry of source.entries({ after }, signal)) {
        after = entry.seq
        yield entry
      }
      troubled = false
    } catch (thrown) {
      if (signal.aborted) return
      const error = toMeshError(thrown, 'internal', 'follow the audit log')
      if (!passing.includes(error.code)) throw error
      if (!troubled) onTrouble(error)
      troubled = true
    }
  }
}
