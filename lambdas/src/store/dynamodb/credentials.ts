import { MeshError } from '@agent-mesh/protocol/errors'
import { shardOf } from '@agent-mesh/protocol/map-cursor'
import type { CredentialIssue, Enrolment } from '../parts/enrolments.ts'
import { checkSerial } from '../refusals.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import { unchanged } from './directory.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { enrolmentOf, memberFromItem, type memberItems } from './member-items.ts'
import { keys } from './table.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
}

/** Records credentials: of the same claims in one write, of others together with a change of the map. */
export const credentialRecorder = (init: Needs) => {
  const renew = renewer(init)
  const amend = amender(init)
  return (issue: CredentialIssue): Promise<Enrolment> =>
    issue.amended === true ? contend('record credential', () => amend(issue)) : renew(issue)
}

const renewer =
  ({ db, members }: Needs) =>
  async ({ peerId, serial, credential, expiresAt }: CredentialIssue): Promise<Enrolment> => {
    const item = await db.update(
      keys.member(await shardOf(peerId), peerId),
      { set: { credential, expiresAt } },
      when('#serial = :serial AND attribute_not_exists(#revokedAt)', { ':serial': serial }),
    )
    if (item !== undefined) return enrolmentOf(memberFromItem(item))
    checkSerial(await members.find(peerId), { peerId, serial }, 'record credential')
    throw new MeshError('overloaded', `Cannot record credential: the enrolment of ${peerId} just changed`)
  }

const amender =
  ({ db, members, changes }: Needs) =>
  async ({ peerId, serial, credential, expiresAt }: CredentialIssue): Promise<Enrolment | typeof again> => {
    const found = checkSerial(await members.find(peerId), { peerId, serial }, 'record credential')
    const { shard, record } = found
    const change = record === undefined ? undefined : changes.retold(found, await changes.number(shard))
    const won = await db.transact([
      {
        update: keys.member(shard, peerId),
        change: { set: { ...change?.set, credential, expiresAt } },
        when: unchanged(found),
      },
      ...(change?.writes ?? []),
    ])
    return won ? enrolmentOf({ ...found, credential, expiresAt }) : again
  }
