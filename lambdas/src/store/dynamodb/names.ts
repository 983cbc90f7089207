import { searchName } from '../free-name.ts'
import type { Write } from './dynamo.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { text } from './item.ts'
import { keys } from './table.ts'

/** The name chosen, and what makes it unique. */
export interface ChosenName {
  name: string
  writes: Write[]
}

/** Names of members: each is an item of its own, so that no two can have the same. */
export const memberNames = ({ db }: DynamoInit) => ({
  async holderOf(name: string): Promise<string | undefined> {
    const item = await db.get(keys.name(name))
    return item && text(item, 'peerId')
  },

  /**
   * The first free name. The name of a lapsed holder is free after the sweep, so that no wrong clock frees it.
   * @param old name of the same member, freed if it gets another
   */
  async choose(wish: string, peerId: string, old: string | undefined): Promise<ChosenName> {
    const name = await searchName(wish, async names => {
      const items = await db.getMany(names.map(keys.name))
      return new Set(items.filter(item => text(item, 'peerId') !== peerId).map(item => text(item, 'sk')))
    })
    const own = { ':own': peerId }
    const whose = when('attribute_not_exists(pk) OR #peerId = :own', own)
    return {
      name,
      writes: [
        { put: { ...keys.name(name), peerId }, when: whose },
        ...(old === undefined || old === name ? [] : [{ delete: keys.name(old), when: whose }]),
      ],
    }
  },
})
