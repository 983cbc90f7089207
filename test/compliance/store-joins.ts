import { verifyAuditChain } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { newSerial, tokenOf, type StoreSetup } from './store-fixture.ts'

const joins = 200

/** Joins of many processes at a time: `common` has a handle for each of them. */
export function joinsSuite(name: string, common: StoreSetup): void {
  describe(`${joins} joins at a time of several processes on ${name}`, () => {
    const context = useStore(common)

    test('are refused to one in a hundred at most, and each that was not is in one audit chain', async () => {
      const hashes: string[] = []
      for (let i = 0; i < joins; i++)
        hashes.push((await context.any().tokens.createToken(tokenOf(context.clock))).hash)
      const join = async (tokenHash: string, i: number): Promise<string | undefined> => {
        const peerId = `peer-${i}`
        const redemption = { tokenHash, peerId, requestedName: peerId, serial: newSerial(), expiresAt: 1e15 }
        const event = { at: context.clock.now(), who: peerId, what: 'join' as const }
        return context
          .any()
          .enrolments.redeem(redemption, () => event)
          .then(
            () => peerId,
            () => undefined,
          )
      }
      const joined = (await Promise.all(hashes.map(join))).filter(peerId => peerId !== undefined)
      expect(joined.length).toBeGreaterThanOrEqual(0.99 * joins)
      await context.any().audit.chainAudit()
      const entries = await context.any().audit.listAudit({ limit: 1000 })
      expect(entries.map(({ who }) => who).sort()).toEqual(joined.sort())
      expect(verifyAuditChain(entries)).toBeUndefined()
    }, 300_000)
  })
}
