/** Watch connections as rows `W#connections / connection id` of the mesh's table. */
import { watchConnectionMs } from '../../defaults.ts'
import type { Clock } from '../../store/clock.ts'
import { Dynamo, type DynamoOptions } from '../../store/dynamodb/dynamo.ts'
import { allOf, when } from '../../store/dynamodb/expressions.ts'
import { number, text, type Item } from '../../store/dynamodb/item.ts'
import { ttlAfter, type Key } from '../../store/dynamodb/table.ts'
import type { WatchConnection, WatchConnections } from './watch-connections.ts'

const partition = 'W#connections'
/** Whether a changed key of the table is a watcher's. */
export const isConnection = ({ pk }: Key): boolean => pk === partition

const key = (id: string): Key => ({ pk: partition, sk: id })

const connectionOf = (item: Item): WatchConnection => ({
  id: text(item, 'sk'),
  peerId: text(item, 'peerId'),
  connectedAt: number(item, 'connectedAt'),
  cursor: item['cursor'] === undefined ? undefined : text(item, 'cursor'),
  turn: number(item, 'turn'),
})

export function dynamoConnections(options: DynamoOptions, clock: Clock): WatchConnections {
  const dynamo = new Dynamo(options)
  return {
    add: async ({ id, peerId, cursor }) => {
      const now = clock.now()
      const ttl = ttlAfter(now + watchConnectionMs)
      await dynamo.write({ put: { ...key(id), peerId, cursor, connectedAt: now, turn: 0, ttl } })
    },
    remove: async id => void (await dynamo.write({ delete: key(id) })),
    list: async () => {
      const found: WatchConnection[] = []
      const oldest = clock.now() - watchConnectionMs
      for await (const page of dynamo.query(partition)) found.push(...page.map(connectionOf))
      return found.filter(({ connectedAt }) => connectedAt > oldest)
    },
    take: async (id, ms) => {
      const now = clock.now()
      const free = when('attribute_not_exists(#busyUntil) OR #busyUntil < :now', { ':now': now })
      const change = { set: { busyUntil: now + ms }, add: { turn: 1 } }
      const item = await dynamo.update(key(id), change, allOf(when('attribute_exists(#pk)'), free))
      return item === undefined ? undefined : connectionOf(item)
    },
    release: async ({ id, cursor, turn }) => {
      const mine = when('#turn = :turn', { ':turn': turn })
      await dynamo.update(key(id), { set: { cursor, busyUntil: undefined } }, mine)
    },
  }
}
