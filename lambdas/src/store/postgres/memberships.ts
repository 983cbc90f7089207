import { amended } from '../amended.ts'
import type { Amendment, Enrolment, Token } from '../model.ts'
import { lapsed, nameTaken } from '../refusals.ts'
import { text } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { AuditOf } from '../store.ts'
import type { audit } from './audit.ts'
import type { Sql } from './database.ts'
import type { directory } from './directory.ts'
import { enrolmentEnder } from './ending.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

interface Needs extends PostgresInit {
  rows: ReturnType<typeof enrolmentRows>
  directory: ReturnType<typeof directory>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

async function holderOf(tx: Sql, name: string): Promise<string | undefined> {
  const row = await tx.get('SELECT peer_id FROM names WHERE name = $1', name)
  return row && text(row, 'peer_id')
}

async function rename(tx: Sql, { peerId, name }: EnrolmentRow): Promise<void> {
  const holder = await holderOf(tx, name)
  if (holder !== undefined && holder !== peerId) throw nameTaken('change member', name, holder)
  await tx.run('DELETE FROM names WHERE peer_id = $1', peerId)
  await tx.run('INSERT INTO names VALUES ($1, $2)', name, peerId)
}

/** What admins see and change of enrolments, and how they end, on PostgreSQL. Names are decided under the lock of enrolments. */
export const memberships = ({ rows, directory, audit, db, clock }: Needs) => {
  const end = enrolmentEnder(directory)

  return {
    async listEnrolments(shard: number, { after = '', limit }: { after?: string; limit: number }) {
      const sql = 'SELECT * FROM enrolments WHERE shard = $1 AND peer_id > $2 ORDER BY peer_id LIMIT $3'
      const found = (await db.all(sql, shard, after, limit)).map(enrolmentFromRow)
      const next = found.length < limit ? undefined : found.at(-1)?.peerId
      const enrolments = found.filter(each => !lapsed(each, clock.now()))
      return { enrolments, ...(next === undefined ? {} : { next }) }
    },

    amendEnrolment: (amendment: Amendment, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      db.transaction(async tx => {
        await lockFor(tx, locks.enrolment)
        const found = await rows.valid(tx, amendment, 'change member')
        const next = amended(found, amendment)
        if (next === undefined) return found
        const { peerId, name, tags, region = null } = next
        if (name !== found.name) await rename(tx, next)
        const sql = 'UPDATE enrolments SET name = $1, tags = $2, region = $3 WHERE peer_id = $4'
        await tx.run(sql, name, JSON.stringify(tags), region, peerId)
        if (auditOf !== undefined) await audit.record(tx, auditOf(next))
        return next
      }),

    endEnrolment: (peerId: string, serial: string, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      db.transaction(async tx => {
        await lockFor(tx, locks.enrolment)
        const found = await rows.valid(tx, { peerId, serial }, 'remove member')
        await end(tx, [found])
        if (auditOf !== undefined) await audit.record(tx, auditOf(found))
        return found
      }),

    /** Frees the name of a token that replaces, for `peerId`. @returns the serial that ended, if one did */
    async freeName(
      tx: Sql,
      { name, replace }: Pick<Token, 'name' | 'replace'>,
      peerId: string,
    ): Promise<string | undefined> {
      const holder = name === undefined || replace !== true ? undefined : await holderOf(tx, name)
      if (name === undefined || holder === undefined || holder === peerId) return undefined
      const found = await rows.lock(tx, holder)
      await tx.run('DELETE FROM names WHERE name = $1', name)
      if (found === undefined || found.revokedAt !== undefined) return undefined
      await end(tx, [found])
      return found.serial
    },
  }
}
