import { shardOf } from '@agent-mesh/protocol/map-cursor'
import { searchName } from '../free-name.ts'
import type { CredentialIssue, Enrolment, Joined, Redeemed, Redemption, Token } from '../model.ts'
import { notEnrolled, revoked } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { text } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { audit } from './audit.ts'
import type { Sql } from './database.ts'
import type { directory } from './directory.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'
import type { memberships } from './memberships.ts'
import type { tokens } from './tokens.ts'

interface Needs extends PostgresInit {
  rows: ReturnType<typeof enrolmentRows>
  tokens: ReturnType<typeof tokens>
  directory: ReturnType<typeof directory>
  memberships: Pick<ReturnType<typeof memberships>, 'freeName'>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Writes a new enrolment in place of any old one. */
const enrolmentWriter = ({ clock }: PostgresInit) => {
  /** The first free name. One whose holder lapsed is free once that was swept: no wrong clock gives it away. */
  const takeName = async (tx: Sql, wish: string, peerId: string): Promise<string> => {
    const name = await searchName(wish, async names => {
      const sql = 'SELECT name FROM names WHERE name = ANY($1) AND peer_id <> $2'
      return new Set((await tx.all(sql, names, peerId)).map(row => text(row, 'name')))
    })
    await tx.run('DELETE FROM names WHERE peer_id = $1', peerId)
    await tx.run(
      'INSERT INTO names VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET peer_id = $2',
      name,
      peerId,
    )
    return name
  }

  return async (tx: Sql, redemption: Redemption, token: Token, counted: boolean): Promise<EnrolmentRow> => {
    const { peerId, serial, expiresAt } = redemption
    const wish = (token.uses === 1 ? token.name : undefined) ?? redemption.requestedName
    const name = await takeName(tx, wish, peerId)
    await tx.run('DELETE FROM enrolments WHERE peer_id = $1', peerId)
    const row = await tx.get(
      'INSERT INTO enrolments VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, $12) RETURNING *',
      peerId,
      await shardOf(peerId),
      serial,
      name,
      JSON.stringify(token.roles),
      JSON.stringify(token.tags),
      token.region ?? redemption.requestedRegion ?? null,
      token.ephemeral || redemption.ephemeral === true,
      token.hash,
      clock.now(),
      expiresAt,
      counted,
    )
    return enrolmentFromRow(row ?? {})
  }
}

/** Enrolments on PostgreSQL. Joins wait for each other: token, count and names are decided together. */
export const enrolments = ({ rows, tokens, directory, memberships, audit, ...init }: Needs) => {
  const { db, clock } = init
  const insert = enrolmentWriter(init)

  return {
    redeem: (redemption: Redemption, auditOf?: AuditOf<Joined>): Promise<Redeemed> =>
      db.transaction(async tx => {
        await lockFor(tx, locks.enrolment)
        const { peerId, tokenHash } = redemption
        const old = await rows.lock(tx, peerId)
        if (old?.revokedAt !== undefined) throw revoked('enrol')
        if (old?.tokenHash === tokenHash) {
          const before = old.credential === undefined ? await tokens.replacedBy(tx, tokenHash) : undefined
          return { enrolment: old, fresh: false, ...(before === undefined ? {} : { replaced: before }) }
        }
        const token = await tokens.takeUse(tx, redemption)
        const replaced = await memberships.freeName(tx, token, peerId)
        if (replaced !== undefined) await tokens.noteReplaced(tx, tokenHash, replaced)
        const counted = token.roles.some(role => role === 'agent' || role === 'relay')
        if (counted && old?.counted !== true) await rows.checkRoom(tx, 'enrol')
        if (old !== undefined) await directory.removeIfPresent(tx, old)
        const enrolment = await insert(tx, redemption, token, counted)
        const ended = replaced === undefined ? {} : { replaced }
        if (auditOf !== undefined) await audit.record(tx, auditOf({ ...enrolment, ...ended }))
        return { enrolment, fresh: true, ...ended }
      }),

    recordCredential: (issue: CredentialIssue): Promise<Enrolment> =>
      db.transaction(async tx => {
        const found = await rows.valid(tx, issue, 'record credential')
        if (issue.amended === true) await directory.renumber(tx, found)
        const { credential, expiresAt, peerId } = issue
        await tx.run(
          'UPDATE enrolments SET credential = $1, expires_at = $2 WHERE peer_id = $3',
          credential,
          expiresAt,
          peerId,
        )
        return { ...found, credential, expiresAt }
      }),

    revokeMember: (peerId: string, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      db.transaction(async tx => {
        const found = await rows.lock(tx, peerId)
        if (found === undefined) throw notEnrolled(peerId)
        const revokedAt = found.revokedAt ?? clock.now()
        await tx.run(
          'UPDATE enrolments SET revoked_at = $1, counted = false WHERE peer_id = $2',
          revokedAt,
          peerId,
        )
        await directory.removeIfPresent(tx, found)
        const enrolment = { ...found, revokedAt }
        if (auditOf !== undefined && found.revokedAt === undefined) await audit.record(tx, auditOf(enrolment))
        return enrolment
      }),
  }
}
