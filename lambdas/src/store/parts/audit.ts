import type { AuditEntry, AuditEvent, AuditHead } from '@agent-mesh/protocol/audit'

/**
 * The audit entry about a change, made from its result. The entry is written in the transaction of the change: there is
 * none without the other. A repetition that changes nothing writes none.
 */
export type AuditOf<T> = (result: T) => AuditEvent

/**
 * What happened, as one chain of hashes over all processes of the mesh's control plane. An entry is durable first and gets
 * its place in the chain at once or soon: docs/adr/0023-audit-outbox.md.
 */
export interface AuditStore {
  /** Records an event; concurrent writers do not refuse each other. @throws MeshError invalid_argument, too_large */
  appendAudit(event: AuditEvent): Promise<void>
  /** Chains the entries that wait, oldest first, unless another process does so now. */
  chainAudit(): Promise<void>
  /** Entries without a place in the chain, oldest first. */
  listWaitingAudit(limit: number): Promise<AuditEvent[]>
  /** The newest entry, or the root before the first one. */
  readAuditHead(): Promise<AuditHead>
  /** Oldest first, `after` (a seq) excluded, without gaps; as they are stored, not verified. */
  listAudit(page: { after?: number; limit: number }): Promise<AuditEntry[]>
}
