import { auditRoot, verifyAuditChain, type AuditEntry } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import type { StoreSetup } from './store-fixture.ts'

/** The audit chain. */
export function auditSuite(common: StoreSetup): void {
  describe('audit', () => {
    const context = useStore(common)
    const append = (i: number) =>
      context.any().audit.appendAudit({
        at: context.clock.now(),
        who: 'admin',
        what: 'policy',
        detail: { z: 1.5, i, a: ['é'] },
      })
    const readAll = async (limit: number): Promise<AuditEntry[]> => {
      const entries: AuditEntry[] = []
      for (;;) {
        const page = await context.any().audit.listAudit({ after: entries.at(-1)?.seq ?? 0, limit })
        entries.push(...page)
        if (page.length < limit) return entries
      }
    }

    test('entries come back in order, paged, each chained to the one before it', async () => {
      expect(await context.store.audit.readAuditHead()).toEqual(auditRoot)
      for (let i = 1; i <= 3; i++) await append(i)
      const entries = await readAll(2)
      expect(entries.map(({ seq, detail }) => [seq, detail?.['i']])).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ])
      expect(entries[0]).toMatchObject({ who: 'admin', what: 'policy', at: context.clock.now() })
      expect(entries[0]?.prev).toBe(auditRoot.hash)
      expect(verifyAuditChain(entries)).toBeUndefined()
      const { seq = 0, hash = '' } = entries[2] ?? {}
      for (const store of context.all()) expect(await store.audit.readAuditHead()).toEqual({ seq, hash })
    })

    test('an entry without detail has none, and one that is too large is refused and leaves no gap', async () => {
      const event = { at: 1, who: 'admin', what: 'renew' as const }
      await context.any().audit.appendAudit(event)
      const large = { ...event, detail: { text: 'x'.repeat(10_000) } }
      await expect(context.any().audit.appendAudit(large)).rejects.toMatchObject({ code: 'too_large' })
      await context.any().audit.appendAudit(event)
      const entries = await readAll(10)
      expect(entries.map(({ seq, detail }) => [seq, detail])).toEqual([
        [1, undefined],
        [2, undefined],
      ])
      expect(verifyAuditChain(entries)).toBeUndefined()
    })

    test('60 concurrent writers of several processes lose nothing and leave one chain', async () => {
      await Promise.all(Array.from({ length: 60 }, (_, i) => append(i)))
      const entries = await readAll(25)
      expect(entries).toHaveLength(60)
      expect(verifyAuditChain(entries, { known: await context.any().audit.readAuditHead() })).toBeUndefined()
      expect(new Set(entries.map(({ detail }) => detail?.['i'])).size).toBe(60)
    })
  })
}
