/** The item of a member: its enrolment, its pair when it has one, and its home. */
import { shardCount, shardOf } from '@agent-mesh/protocol/map-cursor'
import { tombstoneMs } from '../../defaults.ts'
import type { Enrolment } from '../parts/enrolments.ts'
import type { Member } from '../parts/directory.ts'
import { lapsed } from '../refusals.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { list, number, optional, text, type Item } from './item.ts'
import { keys } from './table.ts'

/** An enrolment with what only this adapter has. */
export interface MemberItem extends Enrolment {
  shard: number
  counted: boolean
  /** Number of its last change in the map; absent before the first. */
  v?: number
  incarnation?: number
  record?: string
  services: string[]
  updatedAt: number
  /** When its home last changed or was left. */
  homeAt?: number
  /** How far its records ran ahead of the clock, unix milliseconds. */
  pacedUntil: number
}

export const memberFromItem = (item: Item): MemberItem => ({
  peerId: text(item, 'sk'),
  shard: number(item, 'shard'),
  serial: text(item, 'serial'),
  name: text(item, 'name'),
  roles: list(item, 'roles'),
  tags: list(item, 'tags'),
  ...optional<'region', string>(item, 'region'),
  ephemeral: item['ephemeral'] === true,
  tokenHash: text(item, 'tokenHash'),
  createdAt: number(item, 'createdAt'),
  expiresAt: number(item, 'expiresAt'),
  ...optional<'credential', string>(item, 'credential'),
  ...optional<'revokedAt', number>(item, 'revokedAt'),
  counted: item['counted'] === true,
  ...optional<'v', number>(item, 'v'),
  ...optional<'incarnation', number>(item, 'incarnation'),
  ...optional<'record', string>(item, 'record'),
  services: list(item, 'services'),
  updatedAt: number(item, 'updatedAt'),
  ...optional<'homeAt', number>(item, 'homeAt'),
  pacedUntil: number(item, 'pacedUntil'),
})

/** What a caller of the store sees of it. */
export const enrolmentOf = (member: MemberItem): Enrolment => {
  const {
    shard: _,
    counted: _c,
    v: _v,
    incarnation: _i,
    record: _r,
    services: _s,
    updatedAt: _u,
    homeAt: _h,
    pacedUntil: _p,
    ...enrolment
  } = member
  return enrolment
}

/** In the map: it has a record and a credential. */
export const isListed = (item: Item): boolean =>
  item['record'] !== undefined && item['credential'] !== undefined && item['revokedAt'] === undefined

export const pairFromItem = (item: Item, online: boolean): Member => ({
  shard: number(item, 'shard'),
  v: number(item, 'v'),
  peerId: text(item, 'sk'),
  serial: text(item, 'serial'),
  name: text(item, 'name'),
  roles: list(item, 'roles'),
  tags: list(item, 'tags'),
  ...(item['recordRegion'] === undefined
    ? optional<'region', string>(item, 'region')
    : { region: text(item, 'recordRegion') }),
  incarnation: number(item, 'incarnation'),
  services: list(item, 'services'),
  record: text(item, 'record'),
  credential: text(item, 'credential'),
  updatedAt: number(item, 'updatedAt'),
  online,
  ...optional<'home', string>(item, 'home'),
  leased: item['homeUp'] === true,
})

/** A tombstone still counts: its incarnation must be beaten. */
export const remembersIncarnation = ({ record, updatedAt }: MemberItem, now: number): boolean =>
  record !== undefined || updatedAt + tombstoneMs >= now

/** Reads of members by key. */
export const memberItems = ({ db, clock }: DynamoInit) => ({
  key: async (peerId: string) => keys.member(await shardOf(peerId), peerId),

  /** As it is stored, lapsed or not. */
  async stored(peerId: string): Promise<MemberItem | undefined> {
    const item = await db.get(keys.member(await shardOf(peerId), peerId))
    return item && memberFromItem(item)
  },

  async find(peerId: string): Promise<MemberItem | undefined> {
    const found = await this.stored(peerId)
    return found === undefined || lapsed(found, clock.now()) ? undefined : found
  },

  /** Reads every member until it is found. */
  async peerOfSerial(serial: string): Promise<string | undefined> {
    for (let shard = 0; shard < shardCount; shard++) {
      const where = when('#serial = :serial', { ':serial': serial })
      for await (const [item] of db.query(keys.members(shard), { where })) if (item) return text(item, 'sk')
    }
    return undefined
  },

  async count(): Promise<number> {
    return number((await db.get(keys.memberCount)) ?? {}, 'n')
  },
})
