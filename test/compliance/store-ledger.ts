import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import type { StoreSetup } from './store-fixture.ts'

/** Head parts, nonces. */
export function ledgerSuite(common: StoreSetup): void {
  describe('head parts', () => {
    const context = useStore(common)

    test('a part is written when the number expected is the stored one', async () => {
      await context.any().headParts.writePart('policy', 0, 'one')
      const second = await context.any().headParts.writePart('policy', 1, 'two')
      expect(second).toMatchObject({
        name: 'policy',
        number: 2,
        document: 'two',
        writtenAt: context.clock.now(),
      })
      expect(await context.any().headParts.readPart('policy')).toEqual(second)
      expect(await context.any().headParts.readPart('relays')).toBeUndefined()
    })

    test('a write on a stale or imagined number is a conflict and changes nothing', async () => {
      await context.store.headParts.writePart('policy', 0, 'one')
      for (const expected of [0, 2])
        await expect(context.any().headParts.writePart('policy', expected, 'other')).rejects.toMatchObject({
          code: 'conflict',
          details: { number: 1 },
        })
      await expect(context.any().headParts.writePart('relays', 3, 'x')).rejects.toMatchObject({
        code: 'conflict',
      })
      expect((await context.store.headParts.readParts()).map(part => part.document)).toEqual(['one'])
    })

    test('a part may rise by more than one, up to any safe integer, and goes on from there', async () => {
      await context.any().headParts.writePart('policy', 0, 'one')
      const restoredAt = context.clock.now()
      const raised = await context.any().headParts.writePart('policy', 1, 'again', restoredAt)
      expect(raised).toMatchObject({ number: restoredAt, document: 'again' })
      expect(await context.any().headParts.readPart('policy')).toEqual(raised)
      await expect(context.any().headParts.writePart('policy', 1, 'stale')).rejects.toMatchObject({
        code: 'conflict',
        details: { number: restoredAt },
      })
      expect(await context.any().headParts.writePart('policy', restoredAt, 'next')).toMatchObject({
        number: restoredAt + 1,
      })
      const highest = Number.MAX_SAFE_INTEGER
      await context.any().headParts.writePart('policy', restoredAt + 1, 'highest', highest)
      expect(await context.any().headParts.readParts()).toMatchObject([
        { number: highest, document: 'highest' },
      ])
    })

    test('a number that does not rise is refused and changes nothing', async () => {
      await context.store.headParts.writePart('policy', 0, 'one')
      for (const number of [0, 1, 1.5, Number.MAX_SAFE_INTEGER + 1])
        await expect(context.any().headParts.writePart('policy', 1, 'other', number)).rejects.toMatchObject({
          code: 'invalid_argument',
        })
      expect((await context.store.headParts.readParts()).map(part => part.document)).toEqual(['one'])
    })

    test('of 50 concurrent writers of the same number one wins', async () => {
      const writes = Array.from({ length: 50 }, (_, i) =>
        context.any().headParts.writePart('relays', 0, `by-${i}`),
      )
      const settled = await Promise.allSettled(writes)
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await context.store.headParts.readPart('relays')).toMatchObject({ number: 1 })
    })
  })

  describe('nonces', () => {
    const context = useStore(common)

    test('a nonce is good once until it expires', async () => {
      const claims = Array.from({ length: 20 }, () =>
        context.any().ledger.claimNonce('n', context.clock.now() + 1000),
      )
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
      context.clock.advance(1000)
      expect(await context.any().ledger.claimNonce('n', context.clock.now() + 1000)).toBe(true)
    })

    test('garbage collection keeps what is alive', async () => {
      await context.store.ledger.claimNonce('n', context.clock.now() + 1000)
      await context.store.headParts.writePart('policy', 0, 'one')
      await context.store.collectGarbage()
      expect(await context.store.ledger.claimNonce('n', context.clock.now() + 1000)).toBe(false)
      expect(await context.store.headParts.readPart('policy')).toBeDefined()
    })

    test('ping answers, and close() can be called twice', async () => {
      await context.store.ping()
      await context.store.close()
      await context.store.close()
      await expect(context.store.ping()).rejects.toMatchObject({ code: 'unavailable' })
    })
  })
}
