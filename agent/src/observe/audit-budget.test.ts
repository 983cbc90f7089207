import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditRoot, formatAuditLine, nextAuditEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditBudget } from './audit-budget.ts'
import { auditFile, rotatedAuditFile } from './audit-files.ts'
import { systemClock } from './clock.ts'

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

describe('the budget of a member after a restart', () => {
  let folder: string
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'audit-budget-'))))
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const now = 1_000 * hour
  const charged = now - 10
  const clock = { ...systemClock, now: () => now, monotonic: () => 0 }
  const line = (at: number) =>
    `${formatAuditLine(nextAuditEntry(auditRoot, { at, who: 'one', what: 'exec' }))}\n`
  const write = (file: string, times: readonly number[]) => writeFile(file, times.map(line).join(''))
  const left = async (): Promise<number> => {
    const budget = budgetOf()
    await budget.restore(folder, clock, ({ at }) => at === charged)
    return taken(budget, 'one', 0)
  }

  it('lacks what was written before an entry of a clock that was behind', async () => {
    await write(auditFile(folder), [now - 2, now - 1, 0])
    expect(await left()).toBe(1)
  })

  it('lacks what older files have, up to one that is older as a whole', async () => {
    await write(auditFile(folder), [0])
    await write(rotatedAuditFile(folder, 3), [now - 2, 0])
    expect(await left()).toBe(2)
    await write(rotatedAuditFile(folder, 2), [0, 1])
    await write(rotatedAuditFile(folder, 1), [now - 2])
    expect(await left()).toBe(2)
  })
  it('lacks nothing for an entry that is charged already', async () => {
    await write(auditFile(folder), [now - 2, charged])
    expect(await left()).toBe(2)
  })
})
