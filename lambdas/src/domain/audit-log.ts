import { MeshError, type AuditReply } from '@agent-mesh/protocol'
import type { Store } from '../store/store.ts'

export interface AuditQuery {
  /** Number of the entry before the first one wanted. */
  after?: number
  /** Unix milliseconds. */
  since?: number
  /** So many of the newest. */
  last?: number
  limit: number
}

export interface AuditLog {
  /** @throws MeshError invalid_argument when more than one beginning is wished for */
  read(query: AuditQuery): Promise<AuditReply>
}

export function auditLog({ store }: { store: Store }): AuditLog {
  /** Entries stand in order of time, but for what clocks of several instances differ: halving finds the place. */
  const before = async (since: number, newest: number): Promise<number> => {
    let low = 0
    let high = newest
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [entry] = await store.listAudit({ after: middle, limit: 1 })
      if (entry === undefined || entry.at >= since) high = middle
      else low = middle + 1
    }
    return low
  }

  return {
    read: async ({ after, since, last, limit }) => {
      if ([after, since, last].filter(begin => begin !== undefined).length > 1)
        throw new MeshError('invalid_argument', 'Cannot read audit: it is cursor, since or last, one of them')
      const { seq, hash } = await store.readAuditHead()
      const from =
        since !== undefined ? await before(since, seq) : last === undefined ? after : Math.max(0, seq - last)
      const entries = await store.listAudit({ after: from ?? 0, limit })
      const end = entries.at(-1)?.seq
      return {
        entries,
        head: { seq, hash },
        ...(end === undefined || entries.length < limit ? {} : { next: String(end) }),
      }
    },
  }
}
