import type { StoreDump } from './dump.ts'
import type { AuditStore } from './parts/audit.ts'
import type { DirectoryStore } from './parts/directory.ts'
import type { EnrolmentStore } from './parts/enrolments.ts'
import type { HeadPartStore } from './parts/head-parts.ts'
import type { HealthStore } from './parts/health.ts'
import type { LedgerStore } from './parts/ledger.ts'
import type { PresenceStore } from './parts/presence.ts'
import type { TokenStore } from './parts/tokens.ts'

/** What the store keeps, by concern. Times are unix milliseconds; documents are signed, so opaque here. */
export interface StoreParts {
  headParts: HeadPartStore
  tokens: TokenStore
  enrolments: EnrolmentStore
  directory: DirectoryStore
  presence: PresenceStore
  health: HealthStore
  ledger: LedgerStore
  audit: AuditStore
}

/**
 * The port every database adapter implements and `test/compliance/store.ts` checks. Each operation is atomic; every
 * read checks expiry itself, `collectGarbage` only frees space.
 */
export interface Store extends StoreParts {
  /**
   * Calls `listener` when another process wrote to map or head, where the database notifies. A process that must know polls as
   * well.
   * @returns how to stop
   */
  listen(listener: () => void): () => void
  /**
   * Calls `listener` with false when the connection to the database is lost, and with true when it is there again. Follows it only
   * while {@link Store.listen} has a listener. Absent where no connection stays open.
   * @returns how to stop
   */
  onConnection?(listener: (connected: boolean) => void): () => void
  /**
   * Frees the space of what has expired. @param options.keep `lapsed`: only of what is made again by itself (nonces,
   * leases, health), for a process that does not know whether its clock is right
   */
  collectGarbage(options?: { keep?: 'lapsed' }): Promise<void>
  /** Answers when the database does. @throws MeshError unavailable */
  ping(): Promise<void>
  /** One consistent state for a backup, while others write. Absent where the database makes its own backups. */
  dump?(): StoreDump
  /** Idempotent. */
  close(): Promise<void>
}
