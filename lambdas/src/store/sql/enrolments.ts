import type { CredentialIssue, Enrolment, Joined, Redeemed, Redemption } from '../parts/enrolments.ts'
import type { Token } from '../parts/tokens.ts'
import { notEnrolled, revoked } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import type { SqlInit } from './dialect.ts'
import { enrolmentFromRow, type EnrolmentRow, type EnrolmentRows } from './enrolment-rows.ts'
import type { Memberships } from './memberships.ts'
import type { Names } from './names.ts'
import type { Pairs } from './pairs.ts'
import { get, run, type Script } from './script.ts'
import type { TokenUses } from './tokens.ts'

interface Needs extends Pick<SqlInit, 'clock' | 'dialect'> {
  rows: EnrolmentRows
  pairs: Pairs
  names: Names
  tokenUses: TokenUses
  memberships: Pick<Memberships, 'freeName'>
  audit: Audit
}

const insert =
  'INSERT INTO enrolments VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, $12) RETURNING *'

/** Writes a new enrolment in place of one that may be there. */
const enrolmentWriter = ({ clock, names }: Pick<Needs, 'clock' | 'names'>) =>
  function* (
    redemption: Redemption,
    { shard, token, counted }: { shard: number; token: Token; counted: boolean },
  ): Script<EnrolmentRow> {
    const { peerId, serial, expiresAt } = redemption
    const wish = (token.uses === 1 ? token.name : undefined) ?? redemption.requestedName
    const name = yield* names.take(wish, peerId)
    yield* run('DELETE FROM enrolments WHERE peer_id = $1', peerId)
    const row = yield* get(
      insert,
      peerId,
      shard,
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

/** How a token becomes an enrolment. Redemptions wait for each other: token, count and names are decided together. */
const redeemer = ({ dialect, rows, pairs, tokenUses, memberships, audit, ...rest }: Needs) => {
  const write = enrolmentWriter(rest)

  function* repeated(old: EnrolmentRow): Script<Redeemed> {
    const replaced = old.credential === undefined ? yield* tokenUses.replacedBy(old.tokenHash) : undefined
    return { enrolment: old, fresh: false, ...(replaced === undefined ? {} : { replaced }) }
  }

  return function* (redemption: Redemption, shard: number, auditOf?: AuditOf<Joined>): Script<Redeemed> {
    const { peerId, tokenHash } = redemption
    yield* dialect.lock('enrolment')
    const old = yield* rows.lock(peerId)
    if (old?.revokedAt !== undefined) throw revoked('enrol')
    if (old?.tokenHash === tokenHash) return yield* repeated(old)
    const token = yield* tokenUses.takeUse(redemption)
    const replaced = yield* memberships.freeName(token, peerId)
    if (replaced !== undefined) yield* tokenUses.noteReplaced(tokenHash, replaced.serial)
    const counted = token.roles.some(role => role === 'agent' || role === 'relay')
    if (counted && old?.counted !== true) yield* rows.checkRoom('enrol')
    if (old !== undefined) yield* pairs.removeIfPresent(old)
    const enrolment = yield* write(redemption, { shard, token, counted })
    const ended = replaced === undefined ? {} : { replaced: replaced.serial, replacedPeer: replaced.peerId }
    if (auditOf !== undefined) yield* audit.record(auditOf({ ...enrolment, ...ended }))
    return { enrolment, fresh: true, ...ended }
  }
}

/** Enrolments. */
export const enrolments = (needs: Needs) => {
  const { clock, rows, pairs, audit } = needs
  return {
    redeem: redeemer(needs),

    writes: {
      *recordCredential(issue: CredentialIssue): Script<Enrolment> {
        const found = yield* rows.valid(issue, 'record credential')
        if (issue.amended === true) yield* pairs.renumber(found)
        const { credential, expiresAt, peerId } = issue
        const sql = 'UPDATE enrolments SET credential = $1, expires_at = $2 WHERE peer_id = $3'
        yield* run(sql, credential, expiresAt, peerId)
        return { ...found, credential, expiresAt }
      },

      *revokeMember(peerId: string, auditOf?: AuditOf<Enrolment>): Script<Enrolment> {
        const found = yield* rows.lock(peerId)
        if (found === undefined) throw notEnrolled(peerId)
        const enrolment = { ...found, revokedAt: found.revokedAt ?? clock.now() }
        const sql = 'UPDATE enrolments SET revoked_at = $1, counted = false WHERE peer_id = $2'
        yield* run(sql, enrolment.revokedAt, peerId)
        yield* pairs.removeIfPresent(found)
        if (auditOf !== undefined && found.revokedAt === undefined) yield* audit.record(auditOf(enrolment))
        return enrolment
      },
    },
  }
}
