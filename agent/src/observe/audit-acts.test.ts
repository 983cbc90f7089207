import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { AuditActs } from './audit-acts.ts'
import { auditEntries } from './audit-files.ts'
import { AuditLog } from './audit-log.ts'
import { systemClock } from './clock.ts'
import { auditDefaults, type AuditOptions } from './defaults.ts'
import { createLogger } from './logger.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'audit-acts-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const begin = (options: Partial<AuditOptions>): AuditLog =>
  new AuditLog({ folder, clock: systemClock, log: createLogger('test', 'silent'), options })
async function entriesOf(): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for await (const entry of auditEntries(folder)) entries.push(entry)
  return entries
}

describe('what members do on a machine, in its audit log', () => {
  it('has each act of a member, up to a budget: what is more is counted, and acts of others are not', async () => {
    const log = begin({ ownEntries: 3, floodKeys: 2 })
    const act = (who: string, command: string) => {
      const note = { who, what: 'exec' as const, detail: { command } }
      log.recordAct(JSON.stringify(note), note)
    }
    for (let i = 0; i < 10; i++) act('loud', 'same')
    for (let i = 0; i < 10; i++) act('loud', `other ${i}`)
    for (let i = 0; i < 3; i++) act('quiet', 'own')
    // What is beyond the first acts waits until the log was read.
    await until(async () => (await entriesOf()).length === 9)
    log.record({ who: 'self', what: 'renew' })
    await log.stop()
    const told = (await entriesOf()).map(({ who, detail }) => [who, detail?.['command'], detail?.['count']])
    expect(told).toEqual([
      ...Array.from({ length: 3 }, () => ['loud', 'same', undefined]),
      ...Array.from({ length: 3 }, () => ['quiet', 'own', undefined]),
      ['loud', 'same', undefined],
      ['loud', 'other 0', undefined],
      ['others', undefined, undefined],
      ['self', undefined, undefined],
      ['loud', 'same', 6],
      ['others', undefined, 8],
    ])
  })

  it('gives no member a budget anew at a restart, whatever was rotated since', async () => {
    const options = { ownEntries: 3, ownEntriesPerHour: 0.01, fileBytes: 1_000, keptFiles: 100 }
    const run = (who: string) => async (more: number) => {
      const log = begin(options)
      const note = { who, what: 'exec' as const, detail: { command: 'uptime' } }
      for (let i = 0; i < more; i++) log.recordAct(who, note)
      for (let i = 0; i < 5; i++) log.record({ who: 'self', what: 'renew', detail: { i } })
      await log.stop()
    }
    const [loud, quiet] = [run('loud'), run('quiet')]
    await quiet(1)
    for (let start = 0; start < 5; start++) await loud(10)
    await quiet(3)
    const entries = (await entriesOf()).filter(({ what }) => what === 'exec')
    const own = (name: string) =>
      entries.filter(({ who, detail }) => who === name && !('count' in (detail ?? {})))
    // The fourth in each start is the first of what is counted.
    expect([own('loud').length, own('quiet').length]).toEqual([3 + 5, 1 + 2 + 1])
  })
  it('has the first acts of a member before the log was read, and charges them after it', async () => {
    const written: string[] = []
    const acts = new AuditActs({
      folder,
      clock: systemClock,
      log: createLogger('test', 'silent'),
      options: { ...auditDefaults, ownEntries: 4, ownEntriesPerHour: 2 },
      write: ({ who }) => written.push(who),
      count: (_, { who }) => written.push(`more of ${who}`),
    })
    const act = (who: string) => acts.record(who, { who, what: 'exec' })
    for (const who of ['loud', 'loud', 'loud', 'quiet']) act(who)
    expect(written.splice(0)).toEqual(['loud', 'loud', 'quiet'])
    await acts.stop()
    for (const who of ['loud', 'loud', 'quiet']) act(who)
    expect(written).toEqual(['loud', 'loud', 'more of loud', 'quiet'])
  })
})
