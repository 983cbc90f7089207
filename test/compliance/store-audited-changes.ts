import { verifyAuditChain, type AuditEntry, type AuditEvent, type AuditKind } from '@agent-mesh/protocol'
import type { Enrolment, Store } from '@agent-mesh/lambdas'
import { describe, expect, test } from 'vitest'
import { useStore, type StoreContext } from './store-context.ts'
import { enrol, newSerial, recordOf, tokenOf, type StoreSetup } from './store-fixture.ts'

const minute = 60_000

/** A change that is audited, and whether it was made. */
interface Change {
  make(store: Store): Promise<unknown>
  isMade(store: Store): Promise<boolean>
}

/** Every kind of change that is audited, by the name in its entry. */
async function changesOf({ store, clock }: StoreContext): Promise<Record<string, Change>> {
  const event = (who: string, what: AuditKind) => (): AuditEvent => ({ at: clock.now(), who, what })
  const token = tokenOf(clock)
  const created = tokenOf(clock)
  const revoked = tokenOf(clock)
  for (const each of [token, revoked]) await store.tokens.createToken(each)
  const member = async (peerId: string, ephemeral = false): Promise<Enrolment> => {
    const enrolment = await enrol(store, clock, peerId, { ephemeral })
    await store.directory.putMember(recordOf(enrolment, 1))
    return enrolment
  }
  const leaving = await member('leaves')
  const named = await member('named')
  const ended = await member('ended')
  await member('is-revoked')
  await member('silent', true)
  clock.advance(11 * minute)
  await store.ledger.writeTimeMark(undefined, 1)
  const { epoch } = await store.directory.readHeads()
  const tokenWith = async (of: Store, hash: string) =>
    (await of.tokens.listTokens({ limit: 100 })).find(other => other.hash === hash)
  const isInMap = async (of: Store, peerId: string) => (await of.directory.readMembers([peerId])).length > 0
  const redemption = { tokenHash: token.hash, peerId: 'joins', requestedName: 'joins', serial: newSerial() }
  return {
    creates: {
      make: of => of.tokens.createToken(created, event('creates', 'token.create')),
      isMade: async of => (await tokenWith(of, created.hash)) !== undefined,
    },
    withdraws: {
      make: of => of.tokens.revokeToken(revoked.hash.slice(0, 16), event('withdraws', 'token.revoke')),
      isMade: async of => (await tokenWith(of, revoked.hash))?.revokedAt !== undefined,
    },
    joins: {
      make: of =>
        of.enrolments.redeem({ ...redemption, expiresAt: clock.now() + minute }, event('joins', 'join')),
      isMade: async of => (await of.enrolments.readEnrolment('joins')) !== undefined,
    },
    revokes: {
      make: of => of.enrolments.revokeMember('is-revoked', event('revokes', 'revoke')),
      isMade: async of => (await of.enrolments.readEnrolment('is-revoked'))?.revokedAt !== undefined,
    },
    writes: {
      make: of => of.headParts.writePart('policy', 0, 'one', 1, event('writes', 'policy')),
      isMade: async of => (await of.headParts.readPart('policy'))?.document === 'one',
    },
    removes: {
      make: of => of.directory.removeMember('leaves', leaving.serial, event('removes', 'remove')),
      isMade: async of => !(await isInMap(of, 'leaves')),
    },
    amends: {
      make: of => of.enrolments.amendEnrolment({ ...named, tags: ['gpu'] }, event('amends', 'amend')),
      isMade: async of => (await of.enrolments.readEnrolment('named'))?.tags.includes('gpu') === true,
    },
    ends: {
      make: of => of.enrolments.endEnrolment('ended', ended.serial, event('ends', 'end')),
      isMade: async of => (await of.enrolments.readEnrolment('ended')) === undefined,
    },
    sweeps: {
      make: of => of.directory.removeOffline(event('sweeps', 'remove')),
      isMade: async of => !(await isInMap(of, 'silent')),
    },
    confirms: {
      make: of => of.ledger.writeTimeMark(1, 2, event('confirms', 'clock.confirm')),
      isMade: async of => (await of.ledger.readTimeMark()) === 2,
    },
    restores: {
      make: of => of.directory.renewEpoch(event('restores', 'restore')),
      isMade: async of => (await of.directory.readHeads()).epoch !== epoch,
    },
  }
}

/** A change and its entry are written together: neither exists without the other. */
export function auditedChangesSuite(common: StoreSetup): void {
  describe('changes on record', () => {
    const context = useStore(common)
    const entries = (): Promise<AuditEntry[]> => context.any().audit.listAudit({ limit: 1000 })
    const names = async () => (await entries()).map(({ who }) => who).sort()

    test('have an entry each, and a repetition that changes nothing has none', async () => {
      const changes = await changesOf(context)
      for (const [who, { make, isMade }] of Object.entries(changes)) {
        await make(context.any())
        expect([who, await isMade(context.any())]).toEqual([who, true])
      }
      for (const again of ['withdraws', 'joins', 'revokes', 'sweeps', 'confirms'])
        await changes[again]?.make(context.any())
      await expect(changes['writes']?.make(context.any())).rejects.toMatchObject({ code: 'conflict' })
      expect(await names()).toEqual(Object.keys(changes).sort())
      expect(verifyAuditChain(await entries())).toBeUndefined()
      expect(await context.any().audit.listWaitingAudit(10)).toEqual([])
    })

    test('are made with their entry or not at all while the audit fails, and complete once repeated or swept', async () => {
      const changes = await changesOf(context)
      const mend = await context.breakAudit()
      for (const { make } of Object.values(changes)) await make(context.any()).catch(() => undefined)
      await mend()
      await context.any().audit.chainAudit()
      const made: string[] = []
      for (const [who, { isMade }] of Object.entries(changes)) if (await isMade(context.any())) made.push(who)
      expect(await names()).toEqual(made.sort())

      for (const [who, { make }] of Object.entries(changes))
        if (!made.includes(who)) await make(context.any())
      expect(await names()).toEqual(Object.keys(changes).sort())
      expect(verifyAuditChain(await entries())).toBeUndefined()
    })

    test('whose entry cannot be written are refused as a whole', async () => {
      const large = () => ({
        at: 1,
        who: 'admin',
        what: 'policy' as const,
        detail: { text: 'x'.repeat(10_000) },
      })
      const refused = { code: 'too_large' }
      await expect(context.any().headParts.writePart('policy', 0, 'one', 1, large)).rejects.toMatchObject(
        refused,
      )
      await expect(context.any().tokens.createToken(tokenOf(context.clock), large)).rejects.toMatchObject(
        refused,
      )
      expect(await context.any().headParts.readPart('policy')).toBeUndefined()
      expect(await context.any().tokens.listTokens({ limit: 10 })).toEqual([])
    })

    test('of 60 that join at a time stand in one chain', async () => {
      const join = async (i: number): Promise<void> => {
        const store = context.any()
        const { hash } = await store.tokens.createToken(tokenOf(context.clock))
        const peerId = `peer-${i}`
        const join = { tokenHash: hash, peerId, requestedName: peerId, serial: newSerial(), expiresAt: 1e15 }
        await store.enrolments.redeem(join, ({ name }) => ({ at: i, who: name, what: 'join' }))
      }
      await Promise.all(Array.from({ length: 60 }, (_, i) => join(i)))
      await context.any().audit.chainAudit()
      const all = await entries()
      expect(verifyAuditChain(all, { known: await context.any().audit.readAuditHead() })).toBeUndefined()
      expect(new Set(all.map(({ who }) => who)).size).toBe(60)
    })
  })
}
