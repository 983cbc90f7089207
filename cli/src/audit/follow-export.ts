/** `audit export --follow`: sends each new entry to a receiver, until the end of the command; after an outage it continues. */
import type { AuditEntry } from '@agent-mesh/protocol/audit'
import { toMeshError, type MeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'

import type { AuditSource } from './audit-source.ts'
import { followEntries } from './follow-entries.ts'
import type { Receiver } from './syslog-receiver.ts'

export interface FollowExportInit {
  readonly source: Pick<AuditSource, 'entries'>
  readonly open: () => Promise<Receiver>
  readonly format: (entry: AuditEntry) => string
  /** Number of the last entry that was sent. */
  readonly after: number
  /** Keeps the number of the last entry that the receiver has; called at times, and at the end. */
  readonly keep: (seq: number) => Promise<void>
  readonly onTrouble: (error: MeshError) => void
  readonly signal: AbortSignal
  /** Between two looks, and between two attempts to reach the receiver, ms. @default 1,000 */
  readonly everyMs?: number
}

/**
 * Entries that are sent again when a connection breaks: what the system had buffered is lost then, and syslog does not
 * acknowledge. Receivers tell repeated ones by their number.
 */
const again = 64

/** @returns how many entries it sent @throws MeshError when the log cannot be read for good */
export async function followExport(init: FollowExportInit): Promise<number> {
  const { source, open, keep, signal, onTrouble, everyMs = 1_000 } = init
  let [after, sent, isTroubled] = [init.after, 0, false]
  while (!signal.aborted) {
    let receiver: Receiver | undefined
    const began = after
    try {
      receiver = await open()
      isTroubled = false
      for await (const entry of followEntries(source, { after, signal, onTrouble, everyMs })) {
        await receiver.send(init.format(entry))
        after = entry.seq
        sent++
        if (sent % again === 0) await keep(after)
      }
    } catch (thrown) {
      const error = toMeshError(thrown, 'internal', 'export the audit log')
      if (signal.aborted) break
      if (error.code !== 'unavailable') throw error
      if (!isTroubled) onTrouble(error)
      isTroubled = true
      after = Math.max(began, after - again)
      await sleep(everyMs, { signal }).catch(() => undefined)
    } finally {
      await receiver?.close()
      if (after !== began) await keep(after)
    }
  }
  return sent
}
