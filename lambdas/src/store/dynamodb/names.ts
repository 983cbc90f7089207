import { freeName } from '../free-name.ts'
import { graceMs, lapsed } from '../refusals.ts'
import type { Write } from './dynamo.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import type { memberItems } from './member-items.ts'
import { takeUpTo } from './pages.ts'
import { keys } from './table.ts'

/** The name chosen, and what makes it unique. */
export interface ChosenName {
  name: string
  writes: Write[]
}

/** Names of members: each is an item of its own, so that no two can have the same. */
export const memberNames = ({
  db,
  clock,
  members,
}: DynamoInit & { members: ReturnType<typeof memberItems> }) => {
  /** A name is kept as long as the enrolment of its holder; that is only looked up once it may have lapsed. */
  const isTaken = async (item: Item, peerId: string): Promise<boolean> => {
    const holder = text(item, 'peerId')
    if (holder === peerId) return false
    const now = clock.now()
    if (number(item, 'expiresAt') + graceMs >= now) return true
    const enrolment = await members.stored(holder)
    return enrolment !== undefined && enrolment.name === item['sk'] && !lapsed(enrolment, now)
  }

  return {
    async holderOf(name: string): Promise<string | undefined> {
      const item = await db.get(keys.name(name))
      return item && text(item, 'peerId')
    },

    /** The first free name. @param old name of the same member, given up if it gets another */
    async choose(
      wish: string,
      peerId: string,
      old: string | undefined,
      expiresAt: number,
    ): Promise<ChosenName> {
      const found = await takeUpTo(Infinity, db.query(keys.names(wish)))
      const checked = await Promise.all(
        found.map(async item => ((await isTaken(item, peerId)) ? [text(item, 'sk')] : [])),
      )
      const name = freeName(wish, new Set(checked.flat()))
      const holder = found.find(item => item['sk'] === name)?.['peerId']
      return {
        name,
        writes: [
          {
            put: { ...keys.name(name), peerId, expiresAt },
            when:
              holder === undefined
                ? when('attribute_not_exists(pk)')
                : when('attribute_not_exists(pk) OR #peerId = :holder', { ':holder': holder }),
          },
          ...(old === undefined || old === name
            ? []
            : [
                {
                  delete: keys.name(old),
                  when: when('attribute_not_exists(pk) OR #peerId = :own', { ':own': peerId }),
                },
              ]),
        ],
      }
    },
  }
}
