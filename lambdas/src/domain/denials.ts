import { deniedAgain } from '../defaults.ts'
import type { MeshParts } from './mesh-context.ts'

/**
 * Records denials in the audit log, at most once in an interval for the same member and target, in each process. A member
 * that asks in a loop must neither fill the log nor cost a write a request.
 */
export function denials({ store, clock }: MeshParts<'clock', 'audit'>) {
  const recent = new Map<string, number>()
  return {
    record: async (who: string, action: string, target: string): Promise<void> => {
      const at = clock.now()
      const key = `${who} ${action} ${target}`
      if (at - (recent.get(key) ?? -Infinity) < deniedAgain.ms) return
      recent.delete(key)
      recent.set(key, at)
      const [oldest] = recent.keys()
      if (recent.size > deniedAgain.remembered && oldest !== undefined) recent.delete(oldest)
      await store.audit.appendAudit({ at, who, what: 'denied', detail: { action, target } })
    },
  }
}
