/** Memberships for admins: every enrolment, with its state in the map and at the relays. */
import {
  MeshError,
  nameField,
  peerIdField,
  serialField,
  shardCount,
  type Membership,
  type MembershipsReply,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { Enrolment } from '../store/parts/enrolments.ts'
import type { Member } from '../store/parts/directory.ts'
import type { StoreParts } from '../store/store.ts'
import { tokenId } from '../store/token-id.ts'

export interface MembershipFilter {
  online?: boolean
  role?: string
  /** With or without version. */
  service?: string
  region?: string
  /** Id of the token that it joined with. */
  token?: string
}

export interface MembershipLists {
  /** A page may hold fewer than `limit`, even none, and still have a `next`. @throws MeshError invalid_argument */
  list(filter: MembershipFilter, page: { cursor?: string; limit: number }): Promise<MembershipsReply>
  /** @param who name, peer id or serial @throws MeshError not_found */
  show(who: string): Promise<Membership>
}

/**
 * The member that is enrolled under a name, peer id or serial. The name is tried first: a serial may look like one.
 * @throws MeshError not_found
 */
export async function enrolledAs(
  store: Pick<StoreParts, 'enrolments'>,
  who: string,
  action: string,
): Promise<Enrolment> {
  const is = (field: z.ZodMiniType): boolean => z.safeParse(field, who).success
  const found =
    (is(peerIdField) ? await store.enrolments.readEnrolment(who) : undefined) ??
    (is(nameField) ? await store.enrolments.findEnrolment({ name: who }) : undefined) ??
    (is(serialField) ? await store.enrolments.findEnrolment({ serial: who }) : undefined)
  if (found !== undefined) return found
  throw new MeshError('not_found', `Cannot ${action} ${who}: no such member`, {
    hint: 'List members with "agent-mesh members list".',
  })
}

const membershipOf = (enrolment: Enrolment, member: Member | undefined): Membership => {
  const { peerId, serial, name, roles, tags, region, ephemeral, createdAt, expiresAt, revokedAt } = enrolment
  return {
    peerId,
    serial,
    name,
    roles,
    tags,
    ...(region === undefined ? {} : { region }),
    ephemeral,
    joinedAt: createdAt,
    token: tokenId(enrolment.tokenHash),
    credentialExpires: expiresAt,
    ...(revokedAt === undefined ? {} : { revokedAt }),
    listed: member !== undefined,
    online: member?.online ?? false,
    ...(member?.home === undefined ? {} : { at: member.home }),
    services: member?.services.filter(service => service.includes('@')) ?? [],
  }
}

const fits = (member: Membership, { online, role, service, region, token }: MembershipFilter): boolean =>
  (online === undefined || member.online === online) &&
  (role === undefined || member.roles.includes(role)) &&
  (service === undefined || member.services.some(ref => ref === service || ref.startsWith(`${service}@`))) &&
  (region === undefined || member.region === region) &&
  (token === undefined || member.token === token)

/** `SHARD.PEERID`: the shard being read and the last member of it that was listed. */
function parseCursor(cursor = '0.'): { shard: number; after: string } {
  const [, shard, after] = /^(\d{1,2})\.(\w{0,64})$/.exec(cursor) ?? []
  if (shard !== undefined && after !== undefined && Number(shard) < shardCount)
    return { shard: Number(shard), after }
  throw new MeshError(
    'invalid_argument',
    `Cannot list memberships: cursor ${cursor.slice(0, 80)} is none of this list`,
  )
}

export function membershipLists({
  store,
}: {
  store: Pick<StoreParts, 'enrolments' | 'directory'>
}): MembershipLists {
  const viewsOf = async (enrolments: readonly Enrolment[]): Promise<Membership[]> => {
    const pairs = await store.directory.readMembers(enrolments.map(({ peerId }) => peerId))
    const byPeer = new Map(pairs.map(pair => [pair.peerId, pair]))
    return enrolments.map(enrolment => membershipOf(enrolment, byPeer.get(enrolment.peerId)))
  }

  return {
    list: async (filter, { cursor, limit }) => {
      const members: Membership[] = []
      const { billed } = store.enrolments
      let read = 0
      let { shard, after } = parseCursor(cursor)
      for (; shard < shardCount; shard++, after = '') {
        const page = await store.enrolments.listEnrolments(shard, { after, limit: limit - read })
        read += page.enrolments.length
        members.push(...(await viewsOf(page.enrolments)).filter(member => fits(member, filter)))
        if (page.next !== undefined) return { members, billed, next: `${shard}.${page.next}` }
        if (read >= limit && shard + 1 < shardCount) return { members, billed, next: `${shard + 1}.` }
      }
      return { members, billed }
    },

    show: async who => {
      const [membership] = await viewsOf([await enrolledAs(store, who, 'show')])
      if (membership === undefined) throw new MeshError('not_found', `Cannot show ${who}`)
      return membership
    },
  }
}
