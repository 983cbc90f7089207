import { limits, MeshError, type AuditReply } from '@agent-mesh/protocol'
import { auditLateMs } from '../defaults.ts'
import type { StoreParts } from '../store/store.ts'
import { auditPart } from './audit-seal.ts'

export interface AuditQuery {
  /** Number of the entry before the first one to return. */
  after?: number
  /** Unix milliseconds. */
  since?: number
  /** Number of the newest entries. */
  last?: number
  limit: number
}

/** Entries in one page of the search for the first entry of a time. */
const searchPage = 100

export interface AuditLog {
  /** @throws MeshError invalid_argument when more than one start is given */
  read(query: AuditQuery): Promise<AuditReply>
}

type Needs = Pick<StoreParts, 'audit' | 'headParts'>

export function auditLog({ store }: { store: Needs }): AuditLog {
  /** Entries are in order of time, except for the clock skew between instances: a binary search finds the place. */
  const halfway = async (since: number, newest: number): Promise<number> => {
    let low = 0
    let high = newest
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [entry] = await store.audit.listAudit({ after: middle, limit: 1 })
      if (entry === undefined || entry.at >= since) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The place before the first entry of that time: delayed entries may stand before it, and older ones after it. */
  const before = async (since: number, newest: number): Promise<number> => {
    for (let after = await halfway(since - auditLateMs, newest); ;) {
      const entries = await store.audit.listAudit({ after, limit: searchPage })
      const first = entries.find(({ at }) => at >= since)
      if (first !== undefined) return first.seq - 1
      const last = entries.at(-1)
      if (last === undefined) return newest
      after = last.seq
    }
  }

  return {
    read: async ({ after, since, last, limit }) => {
      if ([after, since, last].filter(begin => begin !== undefined).length > 1)
        throw new MeshError('invalid_argument', 'Cannot read audit: it is cursor, since or last, one of them')
      // A reader has to see every entry; those that cannot be chained now are shown as waiting.
      await store.audit.chainAudit().catch(() => undefined)
      const signed = await store.headParts.readPart(auditPart)
      const { seq, hash } = await store.audit.readAuditHead()
      const from =
        since !== undefined ? await before(since, seq) : last === undefined ? after : Math.max(0, seq - last)
      const entries = await store.audit.listAudit({ after: from ?? 0, limit })
      const waiting = await store.audit.listWaitingAudit(limits.auditWaiting)
      const end = entries.at(-1)?.seq
      return {
        entries,
        head: { seq, hash },
        ...(signed === undefined ? {} : { signed: signed.document }),
        ...(waiting.length === 0 ? {} : { waiting }),
        ...(end === undefined || entries.length < limit ? {} : { next: String(end) }),
      }
    },
  }
}
