import { describe, expect, it } from 'vitest'
import { AuditBudget } from './audit-budget.ts'

const hour = 3_600_000
const budgetOf = (more: object = {}) =>
  new AuditBudget({ ownEntries: 3, ownEntriesPerHour: 2, ownMembers: 2, ...more })
const taken = (budget: AuditBudget, who: string, now: number) =>
  Array.from({ length: 10 }, () => budget.take(who, now)).filter(Boolean).length

describe('the entries that a member may cause', () => {
  it('are so many at once, then so many an hour', () => {
    const budget = budgetOf()
    const hours = [0, 0, 0.6, 1.2, 1.8, 100]
    expect(hours.map(at => taken(budget, 'one', at * hour))).toEqual([3, 0, 1, 1, 1, 3])
  })

  it('are its own: a member in a loop takes none of another', () => {
    const budget = budgetOf()
    expect([taken(budget, 'one', 0), taken(budget, 'two', 0)]).toEqual([3, 3])
  })

  it('are remembered of the members that caused some last', () => {
    const budget = budgetOf()
    expect(taken(budget, 'one', 0)).toBe(3)
    expect(taken(budget, 'two', 0)).toBe(3)
    const later = 1.1 * hour
    expect([budget.take('one', later), budget.take('three', later)]).toEqual([true, true])
    expect([taken(budget, 'one', later), taken(budget, 'two', later)]).toEqual([1, 3])
  })
})
