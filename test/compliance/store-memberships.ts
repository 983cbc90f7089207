import { tokenId, type Enrolment } from '@agent-mesh/lambdas'
import { shardCount, shardOf } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, newSerial, recordOf, tokenOf, type StoreSetup } from './store-fixture.ts'

/** A membership after the join: listed, amended, ended, replaced. */
export function membershipSuite(common: StoreSetup): void {
  describe('memberships', () => {
    const context = useStore(common)

    /** A token that takes its name from its holder, redeemed by `peerId`. */
    const replace = async (peerId: string, name: string) => {
      const { store, clock } = context
      const { hash } = await store.tokens.createToken(
        tokenOf(clock, { name, replace: true, note: 'new machine' }),
      )
      const redemption = { tokenHash: hash, peerId, requestedName: 'x', expiresAt: clock.now() + day }
      return { hash, redeem: () => context.any().enrolments.redeem({ ...redemption, serial: newSerial() }) }
    }

    test('are listed by shard in pages, revoked ones too, lapsed ones not', async () => {
      const { store, clock } = context
      await enrol(store, clock, 'lapsed')
      clock.advance((21 + 90) * day + 1)
      const peerIds = Array.from({ length: 40 }, (_, i) => `p${i}`)
      for (const peerId of peerIds) await enrol(store, clock, peerId)
      await store.enrolments.revokeMember('p7')
      const listed: Enrolment[] = []
      for (let shard = 0; shard < shardCount; shard++)
        for (let after: string | undefined = ''; after !== undefined;) {
          const page = await context.any().enrolments.listEnrolments(shard, { after, limit: 2 })
          expect(page.enrolments.length).toBeLessThanOrEqual(2)
          for (const { peerId } of page.enrolments) expect(await shardOf(peerId)).toBe(shard)
          listed.push(...page.enrolments)
          after = page.next
        }
      expect(listed.map(({ peerId }) => peerId).sort()).toEqual([...peerIds].sort())
      expect(listed.find(({ peerId }) => peerId === 'p7')?.revokedAt).toBe(clock.now())
    })

    test('take another name, tags and region; nobody takes a name that is held', async () => {
      const { store, clock } = context
      const { serial } = await enrol(store, clock, 'p', { requestedName: 'old' })
      await enrol(store, clock, 'q', { requestedName: 'held' })
      const amendment = { peerId: 'p', serial, name: 'new', tags: ['gpu'], region: 'eu' }
      expect(await context.any().enrolments.amendEnrolment(amendment)).toMatchObject({
        name: 'new',
        tags: ['gpu'],
      })
      expect(await store.enrolments.readEnrolment('p')).toMatchObject({
        name: 'new',
        tags: ['gpu'],
        region: 'eu',
      })
      expect(await store.enrolments.findEnrolment({ name: 'new' })).toMatchObject({ peerId: 'p' })
      expect(await store.enrolments.findEnrolment({ name: 'old' })).toBeUndefined()
      expect(await enrol(store, clock, 'r', { requestedName: 'old' })).toMatchObject({ name: 'old' })
      const taken = store.enrolments.amendEnrolment({ peerId: 'p', serial, name: 'held' })
      await expect(taken).rejects.toMatchObject({ code: 'conflict' })
      const stale = store.enrolments.amendEnrolment({ peerId: 'p', serial: newSerial(), name: 'other' })
      await expect(stale).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.enrolments.readEnrolment('p')).toMatchObject({ name: 'new' })
    })

    test('of several that wish one name at once one gets it', async () => {
      const { store, clock } = context
      const members = []
      for (let i = 0; i < 5; i++) members.push(await enrol(store, clock, `p${i}`))
      const wishes = members.map(({ peerId, serial }) =>
        context.any().enrolments.amendEnrolment({ peerId, serial, name: 'the-one' }),
      )
      const settled = await Promise.allSettled(wishes)
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('with amended claims are a change of the map; the same claims are none', async () => {
      const { store, clock } = context
      const member = await enrol(store, clock, 'p')
      await store.directory.putMember(recordOf(member, 1))
      const shard = await shardOf('p')
      const issue = { peerId: 'p', serial: member.serial, expiresAt: clock.now() + day }
      await context.any().enrolments.recordCredential({ ...issue, credential: 'same' })
      expect((await store.directory.readHeads()).v[shard]).toBe(1)
      await context.any().enrolments.recordCredential({ ...issue, credential: 'other', amended: true })
      expect(await store.directory.readChanges(shard, { after: 1, limit: 9 })).toMatchObject([
        { v: 2, peerId: 'p' },
      ])
      expect(await store.directory.listShard(shard, { after: 0, limit: 9 })).toMatchObject([
        { v: 2, peerId: 'p', credential: 'other', incarnation: 1, services: ['math', 'math@1'] },
      ])
      expect(await store.directory.putMember(recordOf(member, 2))).toMatchObject({ written: true, v: 3 })
    })

    test('that end free name and place; the key may join anew', async () => {
      const { store, clock } = context
      const member = await enrol(store, clock, 'p', { requestedName: 'n' })
      await store.directory.putMember(recordOf(member, 1))
      const stale = store.enrolments.endEnrolment('p', newSerial())
      await expect(stale).rejects.toMatchObject({ code: 'conflict' })
      expect(await context.any().enrolments.endEnrolment('p', member.serial)).toMatchObject({ name: 'n' })
      expect(await store.enrolments.readEnrolment('p')).toBeUndefined()
      expect(await store.directory.readMembers(['p'])).toEqual([])
      expect(await store.enrolments.countMembers()).toBe(0)
      const changes = await store.directory.readChanges(await shardOf('p'), { after: 1, limit: 9 })
      expect(changes).toMatchObject([{ peerId: 'p', gone: member.serial }])
      await expect(store.directory.putMember(recordOf(member, 2))).rejects.toMatchObject({
        code: 'not_found',
      })
      const again = store.enrolments.endEnrolment('p', member.serial)
      await expect(again).rejects.toMatchObject({ code: 'not_found' })
      const next = await enrol(store, clock, 'p', { requestedName: 'n' })
      expect(next).toMatchObject({ name: 'n' })
      expect(await store.directory.putMember(recordOf(next, 2))).toMatchObject({ written: true })
      expect(await store.enrolments.countMembers()).toBe(1)
    })

    test('that are revoked do not end: the key stays refused', async () => {
      const { store, clock } = context
      const { serial } = await enrol(store, clock, 'p')
      await store.enrolments.revokeMember('p')
      await expect(store.enrolments.endEnrolment('p', serial)).rejects.toMatchObject({ code: 'revoked' })
      await expect(store.enrolments.amendEnrolment({ peerId: 'p', serial, name: 'x' })).rejects.toMatchObject(
        {
          code: 'revoked',
        },
      )
    })

    test('a token that replaces ends the holder of its name, and says so until it is done', async () => {
      const { store, clock } = context
      const old = await enrol(store, clock, 'old', { requestedName: 'edge-1' })
      await store.directory.putMember(recordOf(old, 1))
      const { hash, redeem } = await replace('new', 'edge-1')
      const first = await redeem()
      expect(first).toMatchObject({ fresh: true, replaced: old.serial, enrolment: { name: 'edge-1' } })
      expect(await store.enrolments.readEnrolment('old')).toBeUndefined()
      expect(await store.directory.readMembers(['old'])).toEqual([])
      expect(await store.enrolments.countMembers()).toBe(1)
      // The answer was lost.
      expect(await redeem()).toMatchObject({ fresh: false, replaced: old.serial })
      const { serial } = first.enrolment
      await store.enrolments.recordCredential({
        peerId: 'new',
        serial,
        credential: 'c',
        expiresAt: clock.now() + day,
      })
      expect((await redeem()).replaced).toBeUndefined()
      const [token] = (await store.tokens.listTokens({ limit: 9 })).filter(each => each.hash === hash)
      expect(token).toMatchObject({ note: 'new machine', replace: true, replaced: old.serial, left: 0 })
      expect(tokenId(hash)).toHaveLength(16)
    })

    test('a token that replaces takes a name of nobody, of a revoked member, and of the own key', async () => {
      const { store, clock } = context
      const free = await (await replace('p1', 'free')).redeem()
      expect(free.replaced).toBeUndefined()
      expect(free.enrolment).toMatchObject({ name: 'free' })
      await enrol(store, clock, 'out', { requestedName: 'edge-2' })
      await store.enrolments.revokeMember('out')
      const taken = await (await replace('p2', 'edge-2')).redeem()
      expect(taken.enrolment).toMatchObject({ name: 'edge-2' })
      expect(await store.enrolments.findEnrolment({ name: 'edge-2' })).toMatchObject({ peerId: 'p2' })
      expect(await store.enrolments.readEnrolment('out')).toMatchObject({ revokedAt: clock.now() })
      const own = await (await replace('p2', 'edge-2')).redeem()
      expect(own.replaced).toBeUndefined()
      expect(own.enrolment).toMatchObject({ name: 'edge-2' })
    })

    test('a token that is used up replaces nobody', async () => {
      const { store, clock } = context
      const { redeem, hash } = await replace('p1', 'edge-1')
      await redeem()
      const other = { tokenHash: hash, peerId: 'p2', requestedName: 'x', expiresAt: clock.now() + day }
      const late = context.any().enrolments.redeem({ ...other, serial: newSerial() })
      await expect(late).rejects.toMatchObject({ code: 'token_invalid' })
      expect(await store.enrolments.readEnrolment('p1')).toMatchObject({ name: 'edge-1' })
    })
  })

  describe('a mesh of one member', () => {
    const context = useStore(common, { maxMembers: 1 })

    test('has room for the machine that replaces it', async () => {
      const { store, clock } = context
      await enrol(store, clock, 'old', { requestedName: 'edge-1' })
      const next = await enrol(store, clock, 'new', { name: 'edge-1', replace: true })
      expect(next).toMatchObject({ name: 'edge-1' })
      expect(await store.enrolments.countMembers()).toBe(1)
    })
  })
}
