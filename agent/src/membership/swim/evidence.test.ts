import { memberStates, type Evidence, type MemberState } from '@agent-mesh/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareEvidence, mergeEvidence } from './evidence.ts'
import { Ledger } from './ledger.ts'

const states = Object.keys(memberStates) as MemberState[]
const evidence = fc.record({
  incarnation: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
  state: fc.constantFrom(...states),
})
const peer = fc.constantFrom('a', 'b', 'c')
const said = ({ incarnation, state }: Evidence) => `${incarnation} ${state}`

describe('evidence', () => {
  test('merges in any order, in any grouping and any number of times to the same', () => {
    fc.assert(
      fc.property(evidence, evidence, evidence, (a, b, c) => {
        expect(said(mergeEvidence(a, b))).toBe(said(mergeEvidence(b, a)))
        expect(said(mergeEvidence(mergeEvidence(a, b), c))).toBe(said(mergeEvidence(a, mergeEvidence(b, c))))
        expect(mergeEvidence(a, a)).toEqual(a)
      }),
    )
  })

  test('of a higher incarnation replaces any, and at one incarnation the end is final', () => {
    const at = (incarnation: number, state: MemberState) => ({ incarnation, state })
    expect(compareEvidence(at(2, 'alive'), at(1, 'left'))).toBeGreaterThan(0)
    expect(compareEvidence(at(1, 'alive'), at(1, 'dead'))).toBeLessThan(0)
    expect(compareEvidence(at(1, 'left'), at(1, 'dead'))).toBeGreaterThan(0)
  })
})

describe('Ledger', () => {
  test('has equal hashes exactly when the same is known, however it came and over whichever base', () => {
    const news = fc.array(fc.tuple(peer, evidence), { maxLength: 12 })
    fc.assert(
      fc.property(news, news, fc.nat(12), (first, second, cut) => {
        const all = [...first, ...second]
        const forward = new Ledger()
        for (const [name, each] of all) forward.merge(name, each)
        const base = new Ledger()
        for (const [name, each] of all.toReversed().slice(0, cut)) base.merge(name, each)
        const backward = new Ledger(base)
        for (const [name, each] of all.toReversed()) backward.merge(name, each)
        expect(backward.hashes).toEqual(forward.hashes)
        const [[name, each] = ['a', { incarnation: 0, state: 'alive' as const }]] = all
        const more = new Ledger(forward)
        more.merge(name, { ...each, incarnation: (forward.get(name)?.incarnation ?? 0) + 1 })
        expect(more.hashes).not.toEqual(forward.hashes)
        more.merge('d', { incarnation: 1, state: 'alive' })
        more.forget('d')
        expect(more.get('d')).toBeUndefined()
      }),
    )
  })
})
