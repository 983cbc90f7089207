import { checkAuditEvent, type AuditEvent } from '@agent-mesh/protocol/audit'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as sleep } from 'node:timers/promises'
import { auditChaining, raceRetry } from '../../defaults.ts'
import { jitter } from '../jitter.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditChain } from './audit.ts'
import { eventFromItem, waitingItem } from './audit-items.ts'
import type { Write } from './dynamo.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys } from './table.ts'

interface Needs extends Pick<DynamoInit, 'db'> {
  chain: ReturnType<typeof auditChain>
}

const removal = (item: Item): Write => ({
  delete: { pk: text(item, 'pk'), sk: text(item, 'sk') },
  when: when('attribute_exists(pk)'),
})

/**
 * Audit entries on their way into the chain. What a change puts on record is an item of its transaction, so that writers do
 * not contend for the end of the chain. The writer of an entry then chains all that wait; the sweep chains the rest.
 */
export const auditOutbox = ({ db, chain }: Needs) => {
  const waiting = (limit: number): Promise<Item[]> =>
    takeUpTo(limit, db.query(keys.waitingAudit, { page: limit }))

  const chainAll = async (): Promise<void> => {
    for (let tries = 1; tries <= auditChaining.tries;) {
      const items = await waiting(auditChaining.atOnce)
      if (items.length === 0) return
      if (await chain.append(items.map(eventFromItem), items.map(removal))) {
        if (items.length < auditChaining.atOnce) return
        tries = 1
      } else await sleep(timerDelay(jitter(tries++, raceRetry)))
    }
  }

  /** One run at a time: all callers before its start share it. */
  let asked: Promise<void> | undefined
  let last: Promise<void> = Promise.resolve()
  const chainAudit = (): Promise<void> => {
    asked ??= last.then(() => {
      asked = undefined
      return chainAll()
    })
    last = asked.catch(() => {})
    return asked
  }

  /** The change is committed with its entry: a failure to chain the entry is no reason to refuse it. */
  const chainSoon = (): Promise<void> => chainAudit().catch(() => {})

  return {
    chainAudit,
    listWaitingAudit: async (limit: number): Promise<AuditEvent[]> =>
      (await waiting(limit)).map(eventFromItem),

    /** As a part of the transaction of its change. @throws MeshError invalid_argument, too_large */
    record(event: AuditEvent): Write {
      checkAuditEvent(event)
      return { put: waitingItem(event) }
    },

    /** Chains the entries that `work` wrote, if any, after it. */
    async chained<T>(auditOf: AuditOf<never> | undefined, work: Promise<T>): Promise<T> {
      const result = await work
      if (auditOf !== undefined) await chainSoon()
      return result
    },

    /** At the end of the chain if no other writer is first, which is cheaper; else it waits like the others. */
    async appendAudit(event: AuditEvent): Promise<void> {
      checkAuditEvent(event)
      if (await chain.append([event])) return
      await db.write({ put: waitingItem(event) })
      await chainSoon()
    },
  }
}
