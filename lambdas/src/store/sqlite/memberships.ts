import { amended } from '../amended.ts'
import type { Amendment, Enrolment, Token } from '../model.ts'
import { lapsed, nameTaken } from '../refusals.ts'
import { text } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { AuditOf } from '../store.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import { enrolmentEnder } from './ending.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { SqliteInit } from './init.ts'

interface Needs extends SqliteInit {
  rows: ReturnType<typeof enrolmentRows>
  directory: ReturnType<typeof directory>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** What admins see and change of enrolments, and how they end, on SQLite; of writes the caller holds the transaction. */
export const memberships = ({ rows, directory, audit, db, clock }: Needs) => {
  const end = enrolmentEnder({ db, directory })
  const holderOf = (name: string): string | undefined => {
    const row = db.get('SELECT peer_id FROM names WHERE name = ?', name)
    return row && text(row, 'peer_id')
  }

  const rename = ({ peerId, name }: EnrolmentRow): void => {
    const holder = holderOf(name)
    if (holder !== undefined && holder !== peerId) throw nameTaken('change member', name, holder)
    db.run('DELETE FROM names WHERE peer_id = ?', peerId)
    db.run('INSERT OR REPLACE INTO names VALUES (?, ?)', name, peerId)
  }

  return {
    listEnrolments(shard: number, { after = '', limit }: { after?: string; limit: number }) {
      const sql = 'SELECT * FROM enrolments WHERE shard = ? AND peer_id > ? ORDER BY peer_id LIMIT ?'
      const found = db.all(sql, shard, after, limit).map(enrolmentFromRow)
      const next = found.length < limit ? undefined : found.at(-1)?.peerId
      const enrolments = found.filter(each => !lapsed(each, clock.now()))
      return { enrolments, ...(next === undefined ? {} : { next }) }
    },

    amendEnrolment(amendment: Amendment, auditOf?: AuditOf<Enrolment>): Enrolment {
      const found = rows.valid(amendment, 'change member')
      const next = amended(found, amendment)
      if (next === undefined) return found
      const { peerId, name, tags, region = null } = next
      if (name !== found.name) rename(next)
      const sql = 'UPDATE enrolments SET name = ?, tags = ?, region = ? WHERE peer_id = ?'
      db.run(sql, name, JSON.stringify(tags), region, peerId)
      if (auditOf !== undefined) audit.record(auditOf(next))
      return next
    },

    endEnrolment(peerId: string, serial: string, auditOf?: AuditOf<Enrolment>): Enrolment {
      const found = rows.valid({ peerId, serial }, 'remove member')
      end(found)
      if (auditOf !== undefined) audit.record(auditOf(found))
      return found
    },

    /** Frees the name of a token that replaces, for `peerId`. @returns the serial that ended, if one did */
    freeName({ name, replace }: Pick<Token, 'name' | 'replace'>, peerId: string): string | undefined {
      const holder = name === undefined || replace !== true ? undefined : holderOf(name)
      if (name === undefined || holder === undefined || holder === peerId) return undefined
      const found = rows.find(holder)
      db.run('DELETE FROM names WHERE name = ?', name)
      if (found === undefined || found.revokedAt !== undefined) return undefined
      end(found)
      return found.serial
    },
  }
}
