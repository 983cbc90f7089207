import type { AuditOf } from './audit.ts'

/** Small things every mesh needs kept. */
export interface LedgerStore {
  /** False when the nonce was used before and has not expired. */
  claimNonce(nonce: string, expiresAt: number): Promise<boolean>
  /** The latest time that the processes of this store agreed on, unix ms; undefined in one that knows none yet. */
  readTimeMark(): Promise<number | undefined>
  /** Writes it where `expected` is stored. @returns false when another process was first */
  writeTimeMark(expected: number | undefined, next: number, audit?: AuditOf<void>): Promise<boolean>
}
