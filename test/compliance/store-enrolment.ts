import { tokenId } from '@agent-mesh/lambdas'
import { unlimitedUses } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, hour, newHash, newSerial, recordOf, tokenOf, type StoreSetup } from './store-fixture.ts'

/** Tokens, redemption, names, credentials. */
export function enrolmentSuite(common: StoreSetup): void {
  describe('tokens', () => {
    const context = useStore(common)

    test('are listed in pages, by id', async () => {
      const made = []
      for (let i = 0; i < 5; i++)
        made.push(await context.any().tokens.createToken(tokenOf(context.clock, { uses: i + 1 })))
      const ids = made.map(token => tokenId(token.hash)).sort()
      const first = await context.any().tokens.listTokens({ limit: 3 })
      const rest = await context.any().tokens.listTokens({ limit: 3, after: ids[2] ?? '' })
      expect([...first, ...rest].map(token => tokenId(token.hash))).toEqual(ids)
      expect([...first, ...rest]).toEqual(expect.arrayContaining(made))
    })

    test('are refused when unknown, revoked, expired or used up', async () => {
      const { store, clock } = context
      const redeem = (tokenHash: string, peerId: string) =>
        store.enrolments.redeem({
          tokenHash,
          peerId,
          requestedName: 'n',
          serial: newSerial(),
          expiresAt: clock.now() + day,
        })
      const refused = { code: 'token_invalid' }

      await expect(redeem(newHash(), 'p1')).rejects.toMatchObject(refused)
      const revoked = await store.tokens.createToken(tokenOf(clock))
      await store.tokens.revokeToken(tokenId(revoked.hash))
      await expect(redeem(revoked.hash, 'p1')).rejects.toMatchObject(refused)
      await expect(store.tokens.revokeToken('unknown')).rejects.toMatchObject({ code: 'not_found' })

      const once = await store.tokens.createToken(tokenOf(clock))
      await redeem(once.hash, 'p1')
      await expect(redeem(once.hash, 'p2')).rejects.toMatchObject(refused)

      const late = await store.tokens.createToken(tokenOf(clock, { expiresAt: clock.now() + hour }))
      clock.advance(hour)
      await expect(redeem(late.hash, 'p3')).rejects.toMatchObject(refused)
      expect(await store.enrolments.countMembers()).toBe(1)
    })

    test('without a limit admit one after the other, and count', async () => {
      const { clock, store } = context
      const { hash } = await store.tokens.createToken(
        tokenOf(clock, { uses: unlimitedUses, ephemeral: true }),
      )
      for (const peerId of ['u1', 'u2', 'u3']) {
        const redemption = { tokenHash: hash, peerId, requestedName: peerId, serial: newSerial() }
        await store.enrolments.redeem({ ...redemption, expiresAt: clock.now() + day })
      }
      const [listed] = await store.tokens.listTokens({ limit: 1 })
      expect(listed).toMatchObject({ uses: unlimitedUses, left: unlimitedUses - 3 })
    })

    test('of 50 uses admit exactly 50 of 200 concurrent peers', async () => {
      const { clock } = context
      const { hash } = await context.store.tokens.createToken(tokenOf(clock, { uses: 50 }))
      const joins = Array.from({ length: 200 }, (_, i) =>
        context.any().enrolments.redeem({
          tokenHash: hash,
          peerId: `peer-${i}`,
          requestedName: 'host',
          serial: newSerial(),
          expiresAt: clock.now() + day,
        }),
      )
      const settled = await Promise.allSettled(joins)
      const names = settled.flatMap(join => (join.status === 'fulfilled' ? [join.value.enrolment.name] : []))
      expect(names).toHaveLength(50)
      expect(new Set(names)).toEqual(
        new Set(['host', ...Array.from({ length: 49 }, (_, i) => `host-${i + 2}`)]),
      )
      for (const join of settled)
        if (join.status === 'rejected') expect(join.reason).toMatchObject({ code: 'token_invalid' })
      expect((await context.store.tokens.listTokens({ limit: 1 }))[0]).toMatchObject({ uses: 50, left: 0 })
      expect(await context.store.enrolments.countMembers()).toBe(50)
    })
  })

  describe('redeeming', () => {
    const context = useStore(common)

    test('again with the same token and peer gives the same enrolment and takes no use', async () => {
      const { clock } = context
      const { hash } = await context.store.tokens.createToken(tokenOf(clock, { uses: 2 }))
      const redeem = () =>
        context.any().enrolments.redeem({
          tokenHash: hash,
          peerId: 'p',
          requestedName: 'n',
          serial: newSerial(),
          expiresAt: clock.now() + day,
        })
      const all = await Promise.all([redeem(), redeem(), redeem()])
      expect(all.filter(({ fresh }) => fresh)).toHaveLength(1)
      expect(new Set(all.map(({ enrolment }) => enrolment.serial)).size).toBe(1)
      expect((await context.store.tokens.listTokens({ limit: 1 }))[0]).toMatchObject({ left: 1 })
    })

    test('takes roles, tags and region of the token, and its name when it is for one member', async () => {
      const { store, clock } = context
      const fixed = { name: 'fixed', roles: ['relay'], tags: ['t'], region: 'eu', ephemeral: true }
      expect(await enrol(store, clock, 'p1', fixed)).toMatchObject({ ...fixed, peerId: 'p1' })
      expect(await enrol(store, clock, 'p2', { ...fixed, uses: 2, requestedName: 'own' })).toMatchObject({
        name: 'own',
      })
    })

    test('makes a member ephemeral that wishes so, and one that does not where the token says so', async () => {
      const { store, clock } = context
      const { hash } = await store.tokens.createToken(tokenOf(clock, { uses: 2 }))
      const redeem = async (peerId: string, ephemeral: boolean) => {
        const wish = { tokenHash: hash, peerId, requestedName: peerId, ephemeral, serial: newSerial() }
        return (await store.enrolments.redeem({ ...wish, expiresAt: clock.now() + day })).enrolment
      }
      expect(await redeem('p1', true)).toMatchObject({ ephemeral: true })
      expect(await redeem('p2', false)).toMatchObject({ ephemeral: false })
      expect(await store.enrolments.readEnrolment('p1')).toMatchObject({ ephemeral: true })
      expect(await enrol(store, clock, 'p3', { ephemeral: true })).toMatchObject({ ephemeral: true })
    })

    test('another token with the same key makes a new enrolment and ends the old pair', async () => {
      const { store, clock } = context
      const old = await enrol(store, clock, 'p', { requestedName: 'n' })
      await store.directory.putMember(recordOf(old, 1))
      const next = await enrol(store, clock, 'p', { requestedName: 'n', roles: ['relay'] })
      expect(next).toMatchObject({ name: 'n', roles: ['relay'] })
      expect(next.serial).not.toBe(old.serial)
      expect(await store.directory.readMembers(['p'])).toEqual([])
      await expect(store.directory.putMember(recordOf(old, 2))).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.enrolments.countMembers()).toBe(1)
    })

    test('a token is not used up by who needs another role than it gives', async () => {
      const { store, clock } = context
      const { hash } = await store.tokens.createToken(tokenOf(clock, { roles: ['agent'] }))
      const redemption = { tokenHash: hash, peerId: 'p', requestedName: 'p', expiresAt: clock.now() + day }
      const as = (role: string) =>
        context.any().enrolments.redeem({ ...redemption, role, serial: newSerial() })
      await expect(as('relay')).rejects.toMatchObject({ code: 'permission_denied' })
      expect(await store.tokens.listTokens({ limit: 1 })).toMatchObject([{ left: 1 }])
      expect(await as('agent')).toMatchObject({ fresh: true, enrolment: { roles: ['agent'] } })
    })

    test('long names are shortened where the number needs room', async () => {
      const { store, clock } = context
      const long = 'a'.repeat(63)
      await enrol(store, clock, 'p1', { requestedName: long })
      const { name } = await enrol(store, clock, 'p2', { requestedName: long })
      expect(name).toBe(`${'a'.repeat(61)}-2`)
    })

    test('a lapsed enrolment frees its name, a living one keeps it', async () => {
      const { store, clock } = context
      await enrol(store, clock, 'p1', { requestedName: 'n' })
      expect(await enrol(store, clock, 'p2', { requestedName: 'n' })).toMatchObject({ name: 'n-2' })
      clock.advance((21 + 90) * day + 1)
      expect(await store.enrolments.readEnrolment('p1')).toBeUndefined()
      // A wrong clock must not free the name, so it is free only once the sweep has seen that it lapsed.
      expect(await enrol(store, clock, 'early', { requestedName: 'n' })).toMatchObject({ name: 'n-3' })
      await store.collectGarbage()
      expect(await enrol(store, clock, 'p3', { requestedName: 'n' })).toMatchObject({ name: 'n' })
      expect(await enrol(store, clock, 'p4', { requestedName: 'n-2' })).toMatchObject({ name: 'n-2' })
      expect(await store.enrolments.countMembers()).toBe(3)
    })

    test('are found by serial and name, revoked or not, and not once they lapsed', async () => {
      const { store, clock } = context
      const { serial, name } = await enrol(store, clock, 'p')
      const lapsing = await enrol(store, clock, 'q')
      for (const by of [{ serial }, { name }])
        expect(await context.any().enrolments.findEnrolment(by)).toMatchObject({ peerId: 'p', serial, name })
      expect(await store.enrolments.findEnrolment({ serial: newSerial() })).toBeUndefined()
      expect(await store.enrolments.findEnrolment({ name: 'nobody' })).toBeUndefined()
      await store.enrolments.revokeMember('p')
      clock.advance(365 * day)
      expect(await context.any().enrolments.findEnrolment({ serial })).toMatchObject({ peerId: 'p' })
      expect(await store.enrolments.findEnrolment({ serial: lapsing.serial })).toBeUndefined()
    })

    test('a revoked member stays revoked: no redemption, no credential, no record', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      await store.directory.putMember(recordOf(enrolment, 1))
      expect(await context.any().enrolments.revokeMember('p')).toMatchObject({ revokedAt: clock.now() })
      const revoked = { code: 'revoked' }
      await expect(enrol(store, clock, 'p')).rejects.toMatchObject(revoked)
      const issue = { peerId: 'p', serial: enrolment.serial, credential: 'c', expiresAt: clock.now() + day }
      await expect(store.enrolments.recordCredential(issue)).rejects.toMatchObject(revoked)
      await expect(store.directory.putMember(recordOf(enrolment, 2))).rejects.toMatchObject(revoked)
      expect(await store.directory.readMembers(['p'])).toEqual([])
      clock.advance(365 * day)
      await store.collectGarbage()
      expect(await store.enrolments.readEnrolment('p')).toMatchObject({ serial: enrolment.serial })
      await expect(store.enrolments.revokeMember('nobody')).rejects.toMatchObject({ code: 'not_found' })
    })

    test('a credential is recorded for the enrolment of that serial only', async () => {
      const { store, clock } = context
      const { serial } = await enrol(store, clock, 'p')
      const expiresAt = clock.now() + 2 * day
      const issue = { peerId: 'p', serial, credential: 'renewed', expiresAt }
      expect(await store.enrolments.recordCredential(issue)).toMatchObject({
        credential: 'renewed',
        expiresAt,
      })
      await expect(store.enrolments.recordCredential({ ...issue, serial: 'other' })).rejects.toMatchObject({
        code: 'conflict',
      })
      await expect(store.enrolments.recordCredential({ ...issue, peerId: 'q' })).rejects.toMatchObject({
        code: 'not_found',
      })
      expect(await store.enrolments.readEnrolment('p')).toMatchObject({
        serial,
        credential: 'renewed',
        expiresAt,
      })
    })
  })

  describe('a mesh of three members', () => {
    const context = useStore(common, { maxMembers: 3 })

    test('takes no fourth, counts no admins, and has room again when one is removed', async () => {
      const { store, clock } = context
      await enrol(store, clock, 'admin', { roles: ['admin'] })
      const first = await enrol(store, clock, 'p1')
      await store.directory.putMember(recordOf(first, 1))
      await enrol(store, clock, 'p2')
      await enrol(store, clock, 'p3', { roles: ['relay'] })
      await expect(enrol(store, clock, 'p4')).rejects.toMatchObject({ code: 'mesh_full' })
      await store.directory.removeMember('p1', first.serial)
      await enrol(store, clock, 'p4')
      await expect(store.directory.putMember(recordOf(first, 2))).rejects.toMatchObject({ code: 'mesh_full' })
      expect(await store.enrolments.countMembers()).toBe(3)
    })

    test('gives back the use of a token when it is full', async () => {
      const { store, clock } = context
      for (const peerId of ['p1', 'p2', 'p3']) await enrol(store, clock, peerId)
      const { hash } = await store.tokens.createToken(tokenOf(clock))
      const join = {
        tokenHash: hash,
        peerId: 'p4',
        requestedName: 'n',
        serial: newSerial(),
        expiresAt: clock.now() + day,
      }
      await expect(store.enrolments.redeem(join)).rejects.toMatchObject({ code: 'mesh_full' })
      const tokens = await store.tokens.listTokens({ limit: 10 })
      expect(tokens.find(token => token.hash === hash)).toMatchObject({ left: 1 })
    })
  })
}
