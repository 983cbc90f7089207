import { freeName } from '../free-name.ts'
import type { CredentialIssue, Enrolment, Joined, Redeemed, Redemption, Token } from '../model.ts'
import { notEnrolled, revoked } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { text } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { SqliteInit } from './init.ts'
import type { memberships } from './memberships.ts'
import type { tokens } from './tokens.ts'

interface Needs extends SqliteInit {
  rows: ReturnType<typeof enrolmentRows>
  tokens: ReturnType<typeof tokens>
  directory: ReturnType<typeof directory>
  memberships: Pick<ReturnType<typeof memberships>, 'freeName'>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Writes a new enrolment in place of any old one. */
const enrolmentWriter = ({ db, clock }: SqliteInit) => {
  const takenBy =
    (peerId: string) =>
    (names: string[]): ReadonlySet<string> => {
      const sql = 'SELECT name FROM names WHERE name IN (SELECT value FROM json_each(?)) AND peer_id <> ?'
      return new Set(db.all(sql, JSON.stringify(names), peerId).map(row => text(row, 'name')))
    }

  /** The first free name. One whose holder lapsed is free once that was swept: no wrong clock gives it away. */
  const takeName = (wish: string, peerId: string): string => {
    const search = freeName(wish)
    const takenOf = takenBy(peerId)
    let turn = search.next()
    while (turn.done !== true) turn = search.next(takenOf(turn.value))
    const name = turn.value
    db.run('DELETE FROM names WHERE peer_id = ?', peerId)
    db.run('INSERT OR REPLACE INTO names VALUES (?, ?)', name, peerId)
    return name
  }

  return (redemption: Redemption, shard: number, token: Token, counted: boolean): EnrolmentRow => {
    const { peerId, serial, expiresAt } = redemption
    const wish = (token.uses === 1 ? token.name : undefined) ?? redemption.requestedName
    const row = db.get(
      'INSERT OR REPLACE INTO enrolments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?) RETURNING *',
      peerId,
      shard,
      serial,
      takeName(wish, peerId),
      JSON.stringify(token.roles),
      JSON.stringify(token.tags),
      token.region ?? redemption.requestedRegion ?? null,
      token.ephemeral || redemption.ephemeral === true ? 1 : 0,
      token.hash,
      clock.now(),
      expiresAt,
      counted ? 1 : 0,
    )
    return enrolmentFromRow(row ?? {})
  }
}

/** Enrolments on SQLite; the caller holds the transaction. */
export const enrolments = ({ rows, tokens, directory, memberships, audit, ...init }: Needs) => {
  const { db, clock } = init
  const insert = enrolmentWriter(init)

  return {
    redeem(redemption: Redemption, shard: number, auditOf?: AuditOf<Joined>): Redeemed {
      const { peerId, tokenHash } = redemption
      const old = rows.find(peerId)
      if (old?.revokedAt !== undefined) throw revoked('enrol')
      if (old?.tokenHash === tokenHash) {
        const before = old.credential === undefined ? tokens.replacedBy(tokenHash) : undefined
        return { enrolment: old, fresh: false, ...(before === undefined ? {} : { replaced: before }) }
      }
      const token = tokens.takeUse(redemption)
      const replaced = memberships.freeName(token, peerId)
      if (replaced !== undefined) tokens.noteReplaced(tokenHash, replaced)
      const counted = token.roles.some(role => role === 'agent' || role === 'relay')
      if (counted && old?.counted !== true) rows.checkRoom('enrol')
      if (old !== undefined) directory.removeIfPresent(old)
      const enrolment = insert(redemption, shard, token, counted)
      const ended = replaced === undefined ? {} : { replaced }
      if (auditOf !== undefined) audit.record(auditOf({ ...enrolment, ...ended }))
      return { enrolment, fresh: true, ...ended }
    },

    recordCredential(issue: CredentialIssue): Enrolment {
      const found = rows.valid(issue, 'record credential')
      if (issue.amended === true) directory.renumber(found)
      db.run(
        'UPDATE enrolments SET credential = ?, expires_at = ? WHERE peer_id = ?',
        issue.credential,
        issue.expiresAt,
        issue.peerId,
      )
      return { ...found, credential: issue.credential, expiresAt: issue.expiresAt }
    },

    revokeMember(peerId: string, auditOf?: AuditOf<Enrolment>): Enrolment {
      const found = rows.find(peerId)
      if (found === undefined) throw notEnrolled(peerId)
      const revokedAt = found.revokedAt ?? clock.now()
      db.run('UPDATE enrolments SET revoked_at = ?, counted = 0 WHERE peer_id = ?', revokedAt, peerId)
      directory.removeIfPresent(found)
      const enrolment = { ...found, revokedAt }
      if (auditOf !== undefined && found.revokedAt === undefined) audit.record(auditOf(enrolment))
      return enrolment
    },
  }
}
