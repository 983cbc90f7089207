import { shardOf } from '@agent-mesh/protocol/map-cursor'
import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../parts/directory.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { list, number, text, type Item } from './item.ts'
import { isListed, pairFromItem } from './member-items.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded } from './table.ts'

/** Items of a page of the log that a query reads at once. */
const pageItems = 1000

/** Which of these members are online: by the lease of their home, a relay by its own. */
async function presenceOf(
  { db, clock }: DynamoInit,
  items: readonly Item[],
): Promise<(item: Item) => boolean> {
  const asked = new Set<string>()
  for (const item of items) {
    if (item['homeUp'] === true) asked.add(text(item, 'home'))
    if (list(item, 'roles').includes('relay')) asked.add(text(item, 'sk'))
  }
  const leases = await db.getMany([...asked].map(relay => keys.lease(relay)))
  const now = clock.now()
  const living = leases.filter(lease => number(lease, 'expiresAt') > now)
  const epochs = new Map(living.map(lease => [text(lease, 'sk'), text(lease, 'epoch')]))
  return item =>
    epochs.has(text(item, 'sk')) ||
    (item['homeUp'] === true && epochs.get(text(item, 'home')) === item['homeEpoch'])
}

/** Reads of pairs on DynamoDB. */
export const members = (init: DynamoInit) => {
  const { db, clock } = init
  const pairsOf = async (peerIds: readonly string[]): Promise<Map<string, Member>> => {
    const unique = [...new Set(peerIds)]
    const wanted = await Promise.all(unique.map(async peerId => keys.member(await shardOf(peerId), peerId)))
    const items = (await db.getMany(wanted)).filter(isListed)
    const isOnline = await presenceOf(init, items)
    return new Map(items.map(item => [text(item, 'sk'), pairFromItem(item, isOnline(item))]))
  }

  const entriesOf = async (shard: number, changes: readonly Item[]): Promise<MapEntry[]> => {
    const puts = changes.filter(change => change['gone'] === undefined)
    const pairs = await pairsOf(puts.map(change => text(change, 'peerId')))
    return changes.flatMap((change): MapEntry[] => {
      const v = number(change, 'v')
      const peerId = text(change, 'peerId')
      if (change['gone'] !== undefined)
        return number(change, 'at') + tombstoneMs < clock.now()
          ? []
          : [{ shard, v, peerId, gone: text(change, 'gone') }]
      // A member that changed meanwhile is read again under its new number.
      const pair = pairs.get(peerId)
      return pair?.v === v ? [pair] : []
    })
  }

  return {
    async readMembers(peerIds: readonly string[]): Promise<Member[]> {
      const pairs = await pairsOf(peerIds)
      return peerIds.flatMap(peerId => pairs.get(peerId) ?? [])
    },

    /** The newest change of each member stands in the log under its number: an index that costs nothing more. */
    async listShard(shard: number, { after, limit }: { after: number; limit: number }): Promise<MapEntry[]> {
      const entries: MapEntry[] = []
      const pages = db.query(keys.changes(shard), {
        after: padded(after),
        where: when('attribute_not_exists(#superseded)'),
        page: Math.min(limit, pageItems),
      })
      for await (const page of pages) {
        entries.push(...(await entriesOf(shard, page)))
        if (entries.length >= limit) break
      }
      return entries.slice(0, limit)
    },

    async listProviders(
      service: string,
      shard: number,
      { after, limit }: { after?: string; limit: number },
    ): Promise<string[]> {
      const name = service.split('@', 1)[0] ?? service
      const items = await takeUpTo(
        limit,
        db.query(keys.providers(name, shard), {
          ...(after === undefined || after === '' ? {} : { after }),
          where: when('contains(#refs, :service)', { ':service': service }),
        }),
      )
      return items.map(item => text(item, 'sk'))
    },
  }
}
