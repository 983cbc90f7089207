import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import { number } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { get, run, type Script } from './script.ts'

const claim = `
  INSERT INTO nonces VALUES ($1, $2)
  ON CONFLICT (nonce) DO UPDATE SET expires_at = $2 WHERE nonces.expires_at <= $3`

/** Nonces and the time of the store. */
export const ledger = ({ clock, audit }: Pick<SqlInit, 'clock'> & { audit: Audit }) => ({
  reads: {
    *readTimeMark(): Script<number | undefined> {
      const row = yield* get('SELECT at FROM time_mark')
      return row && number(row, 'at')
    },
  },

  writes: {
    *claimNonce(nonce: string, expiresAt: number): Script<boolean> {
      return (yield* run(claim, nonce, expiresAt, clock.now())) === 1
    },

    *writeTimeMark(expected: number | undefined, next: number, auditOf?: AuditOf<void>): Script<boolean> {
      const changed =
        expected === undefined
          ? yield* run('INSERT INTO time_mark VALUES (1, $1) ON CONFLICT DO NOTHING', next)
          : yield* run('UPDATE time_mark SET at = $1 WHERE at = $2', next, expected)
      if (changed === 1 && auditOf !== undefined) yield* audit.record(auditOf())
      return changed === 1
    },
  },
})
