import { MeshError, shardCount, type MemberView } from '@agent-mesh/protocol'
import { isMember, type Member } from '../store/parts/directory.ts'
import type { StoreParts } from '../store/store.ts'

export interface MemberFilter {
  /** Service, with or without version. */
  service?: string
  region?: string
}

export interface MemberLists {
  /** @throws MeshError not_found */
  read(peerId: string): Promise<MemberView>
  /** A page may hold fewer than `limit`, even none, and still have a `next`. @throws MeshError invalid_argument */
  list(
    filter: MemberFilter,
    page: { cursor?: string; limit: number },
  ): Promise<{ members: MemberView[]; next?: string }>
  /** Members online, those of `region` first; the shards are read in random order until there are enough. */
  healthy(filter: MemberFilter, limit: number): Promise<MemberView[]>
}

const viewOf = ({ peerId, name, record, credential, online, home }: Member): MemberView => ({
  peerId,
  name,
  record,
  credential,
  online,
  ...(home === undefined ? {} : { at: home }),
})

/** `SHARD.PLACE`: the shard being read and the last entry of it that was listed; a number, or a peerId of a service. */
function parseCursor(
  cursor: string | undefined,
  service: string | undefined,
): { shard: number; place: string } {
  const form = service === undefined ? /^(\d{1,2})\.(\d{0,15})$/ : /^(\d{1,2})\.(\w{0,64})$/
  const [, shard, place] = form.exec(cursor ?? '0.') ?? []
  if (shard === undefined || place === undefined || Number(shard) >= shardCount)
    throw new MeshError(
      'invalid_argument',
      `Cannot list members: cursor ${cursor?.slice(0, 80)} is none of this list`,
    )
  return { shard: Number(shard), place }
}

const shuffled = (random: () => number): number[] =>
  Array.from({ length: shardCount }, (_, shard) => ({ shard, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ shard }) => shard)

/** Lists of pairs for people and new members; enrolled agents read the map. */
export function memberLists({
  store,
  random = Math.random,
}: {
  store: Pick<StoreParts, 'directory'>
  random?: () => number
}): MemberLists {
  /** Up to `limit` entries of a shard, and the place to continue from when there may be more. */
  const readShard = async (shard: number, place: string, limit: number, service: string | undefined) => {
    if (service !== undefined) {
      const peerIds = await store.directory.listProviders(service, shard, { after: place, limit })
      return {
        members: await store.directory.readMembers(peerIds),
        place: peerIds.length < limit ? undefined : peerIds.at(-1),
      }
    }
    const entries = await store.directory.listShard(shard, { after: Number(place), limit })
    const members = entries.filter(isMember)
    return { members, place: entries.length < limit ? undefined : entries.at(-1)?.v.toString() }
  }

  return {
    read: async peerId => {
      const [member] = await store.directory.readMembers([peerId])
      if (member === undefined)
        throw new MeshError('not_found', `Cannot read member ${peerId}: it is not in the map`)
      return viewOf(member)
    },

    list: async ({ service, region }, { cursor, limit }) => {
      let { shard, place } = parseCursor(cursor, service)
      const members: Member[] = []
      for (; shard < shardCount; shard++, place = '') {
        const read = await readShard(shard, place, limit - members.length, service)
        members.push(...read.members.filter(member => region === undefined || member.region === region))
        if (read.place !== undefined) return { members: members.map(viewOf), next: `${shard}.${read.place}` }
      }
      return { members: members.map(viewOf) }
    },

    healthy: async ({ service, region }, limit) => {
      const found: Member[] = []
      for (const shard of shuffled(random)) {
        const { members } = await readShard(shard, '', 3 * limit, service)
        found.push(...members.filter(member => member.online))
        if (found.length >= limit) break
      }
      const near = (member: Member): number => (region !== undefined && member.region === region ? 0 : 1)
      return found
        .sort((a, b) => near(a) - near(b))
        .slice(0, limit)
        .map(viewOf)
    },
  }
}
