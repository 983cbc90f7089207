import { describe, expect, test } from 'vitest'
import { invariantNames, judge } from './invariants/index.ts'
import { goodHistory, planted } from './planted.ts'

test('a history in which all is well breaks no invariant', () => {
  expect(Object.values(judge(goodHistory())).flat()).toEqual([])
})

describe.each(invariantNames)('%s', invariant => {
  test.each(Object.keys(planted[invariant]))('finds %s, and nothing else breaks', name => {
    const plant = planted[invariant][name]
    if (plant === undefined) throw new Error(`Cannot plant ${name}`)
    const found = judge(plant(goodHistory()).sort((a, b) => a.at - b.at))
    const broken = invariantNames.filter(each => found[each].length > 0)
    expect(broken).toEqual([invariant])
  })
})
