import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { mountDisk, mountsMissing, unmountDisk } from '../../../test/support/mounted-disk.ts'
import { AuditFile } from './audit-file.ts'
import { auditEntries, auditFile, verifyAuditFiles } from './audit-files.ts'
import { AuditLog, type AuditLogInit } from './audit-log.ts'
import { systemClock } from './clock.ts'
import { createLogger } from './logger.ts'

let folder: string
const opened: AuditLog[] = []
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'audit-'))))
afterEach(async () => {
  for (const log of opened.splice(0)) await log.stop()
  await rm(folder, { recursive: true, force: true })
})

const begin = (options: AuditLogInit['options'] = {}, at = folder): AuditLog => {
  const log = new AuditLog({ folder: at, clock: systemClock, log: createLogger('test', 'silent'), options })
  opened.push(log)
  return log
}
const note = (i: number) => ({ who: 'self', what: 'renew' as const, detail: { i, pad: 'x'.repeat(200) } })
async function entriesOf(at = folder): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for await (const entry of auditEntries(at)) entries.push(entry)
  return entries
}
const soon = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 30_000, interval: 20 })

describe('the audit log of a process', () => {
  it('is there as soon as something happened, for its owner alone', async () => {
    const log = begin()
    log.record(note(1))
    await soon(async () => expect(await entriesOf()).toHaveLength(1))
    expect((await stat(auditFile(folder))).mode & 0o777).toBe(0o600)
    await log.stop()
    log.record(note(2))
    expect(await entriesOf()).toHaveLength(1)
  })

  it('goes on with its chain after a restart', async () => {
    for (let start = 0; start < 3; start++) {
      const log = begin()
      log.record(note(start))
      log.record(note(start))
      await log.stop()
    }
    expect((await entriesOf()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(await verifyAuditFiles(folder)).toMatchObject({ first: 1, broken: undefined })
  })

  it.each([
    ['half a line', '{"seq":3,"at":1'],
    ['zeros, as file systems leave them', '\0'.repeat(300)],
    ['a whole line that is none', 'rubbish\n\n'],
  ])('cuts a damaged end off after a crash and says so: %s', async (_, end) => {
    const first = begin()
    first.record(note(1))
    first.record(note(2))
    await first.stop()
    await appendFile(auditFile(folder), end)
    const second = begin()
    second.record(note(3))
    await second.stop()
    const entries = await entriesOf()
    expect(entries.map(({ what }) => what)).toEqual(['renew', 'renew', 'log.torn', 'renew'])
    expect(entries[2]?.detail).toEqual({ bytes: end.length })
    expect(await verifyAuditFiles(folder)).toMatchObject({ broken: undefined })
  })

  it('rotates by size with its chain carried over, keeps some files, and says which entry is the first', async () => {
    const log = begin({ fileBytes: 2_000, keptFiles: 2, batch: 4 })
    for (let i = 0; i < 60; i++) log.record(note(i))
    await log.stop()
    expect(await readdir(folder)).toHaveLength(3)
    const entries = await entriesOf()
    expect(entries.length).toBeLessThan(40)
    expect(entries.at(-1)?.detail?.['i']).toBe(59)
    expect(await verifyAuditFiles(folder)).toMatchObject({ first: entries[0]?.seq, broken: undefined })

    const again = begin({ fileBytes: 2_000, keptFiles: 2, batch: 4 })
    again.record(note(60))
    await again.stop()
    expect(await verifyAuditFiles(folder)).toMatchObject({ broken: undefined })

    const [oldest = ''] = (await readdir(folder)).sort()
    const kept = (await entriesOf())[0]?.seq ?? 0
    await rm(join(folder, oldest))
    expect(await verifyAuditFiles(folder)).toMatchObject({ broken: { seq: kept, why: 'gap' } })
  })

  it('shows whoever verifies the first entry that was changed, taken out, or cut off', async () => {
    const log = begin()
    for (let i = 0; i < 5; i++) log.record(note(i))
    await log.stop()
    const { head } = await verifyAuditFiles(folder)
    const lines = (await readFile(auditFile(folder), 'utf8')).split('\n')
    const broken = async (changed: string[], known = head) => {
      await writeFile(auditFile(folder), changed.join('\n'))
      return (await verifyAuditFiles(folder, known)).broken
    }
    expect(await broken(lines.with(2, (lines[2] ?? '').replace('"i":2', '"i":7')))).toMatchObject({
      seq: 3,
      why: 'altered',
    })
    expect(await broken(lines.toSpliced(1, 1))).toMatchObject({ seq: 2, why: 'gap' })
    expect(await broken(lines.toSpliced(0, 1))).toMatchObject({ seq: 1, why: 'gap' })
    expect(await broken(lines.with(3, 'rubbish'))).toMatchObject({ seq: 4, why: 'altered' })
    expect(await broken(lines.toSpliced(4, 1))).toMatchObject({ seq: 5, why: 'truncated' })
    expect(await broken(lines)).toBeUndefined()
  })

  it('writes a flood as two entries, the second with a count, and many different ones as a few', async () => {
    const log = begin({ floodKeys: 4 })
    const denied = (who: string) => ({ who, what: 'denied' as const, detail: { to: 'service:math.add' } })
    for (let i = 0; i < 1_000; i++) log.recordFlood('same', denied('one'))
    for (let i = 0; i < 1_000; i++) log.recordFlood(`peer-${i}`, denied(`peer-${i}`))
    await log.stop()
    const entries = await entriesOf()
    expect(entries.map(({ who, detail }) => [who, detail?.['count']])).toEqual([
      ['one', undefined],
      ['peer-0', undefined],
      ['peer-1', undefined],
      ['peer-2', undefined],
      ['others', undefined],
      ['one', 999],
      ['others', 996],
    ])
  })

  it('leaves keys to others when one actor causes many different things', async () => {
    const log = begin({ floodKeys: 6, floodKeysOfOne: 1 })
    const denied = (who: string, at: string) => ({
      ...{ who, what: 'denied' as const, detail: { name: `name of ${who}`, at } },
    })
    for (let i = 0; i < 100; i++) log.recordFlood(`loud ${i}`, denied('loud', `${i}`))
    for (const who of ['one', 'two'])
      for (const at of ['a', 'a']) log.recordFlood(`${who} ${at}`, denied(who, at))
    await log.stop()
    const told = (await entriesOf()).map(({ who, detail }) => [
      who,
      detail?.['at'] ?? 'all',
      detail?.['count'],
    ])
    expect(told).toEqual([
      ['loud', '0', undefined],
      ['loud', '1', undefined],
      ['loud', '2', undefined],
      ['loud', 'all', undefined],
      ['one', 'a', undefined],
      ['two', 'a', undefined],
      ['loud', 'all', 96],
      ['one', 'a', 1],
      ['two', 'a', 1],
    ])
  })

  it('ends a flood when its time is over, and begins a new one', async () => {
    const log = begin({ floodMs: 30 })
    const note = { who: 'one', what: 'denied' as const }
    log.recordFlood('same', note)
    log.recordFlood('same', note)
    await soon(async () => expect((await entriesOf()).map(({ detail }) => detail?.['count'])).toContain(1))
    log.recordFlood('same', note)
    await soon(async () => expect(await entriesOf()).toHaveLength(3))
  })

  it('waits for a disk that cannot be written, bounded, warns meanwhile and says what was lost', async () => {
    await mkdir(auditFile(folder))
    const log = begin({ retryMs: 20, waiting: 10 })
    for (let i = 0; i < 25; i++) log.record(note(i))
    await soon(() => expect(log.warning).toMatch(/cannot be written/))
    await rmdir(auditFile(folder))
    await soon(() => expect(log.warning).toBeUndefined())
    const entries = await entriesOf()
    expect(entries[0]).toMatchObject({ what: 'log.lost', detail: { count: 15 } })
    expect(entries.slice(1).map(({ detail }) => detail?.['i'])).toEqual([
      15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    ])
    expect(await verifyAuditFiles(folder)).toMatchObject({ broken: undefined })
  })

  it('drops entries of the actor that has most while the disk cannot be written, and none of others', async () => {
    await mkdir(auditFile(folder))
    const log = begin({ retryMs: 20, waiting: 10 })
    log.record({ who: 'self', what: 'cut-off', detail: { name: 'one' } })
    for (let i = 0; i < 500; i++) log.record({ who: 'loud', what: 'exec', detail: { i } })
    log.record(note(1))
    await soon(() => expect(log.warning).toMatch(/cannot be written/))
    await rmdir(auditFile(folder))
    await soon(() => expect(log.warning).toBeUndefined())
    const told = (await entriesOf()).map(({ who, what, detail }) => [
      who,
      what,
      detail?.['i'] ?? detail?.['count'],
    ])
    expect(told).toEqual([
      ['self', 'log.lost', 492],
      ['self', 'cut-off', undefined],
      ...Array.from({ length: 8 }, (_, n) => ['loud', 'exec', 492 + n]),
      ['self', 'renew', 1],
    ])
  })

  it('stops in time although its disk is gone', async () => {
    const log = begin()
    await chmod(folder, 0o700)
    await rm(folder, { recursive: true })
    log.record(note(1))
    await log.stop()
    expect(log.warning).toMatch(/cannot be written/)
  })

  it('tries no more once it is stopped, though entries wait for a disk that is gone', async () => {
    const tried = vi.spyOn(AuditFile.prototype, 'open')
    const log = begin({}, join(folder, 'gone'))
    log.record(note(1))
    await log.stop()
    const { length } = tried.mock.calls
    // Turns of the event loop, each long enough for a try to begin.
    for (let turn = 0; turn < 20; turn++) await stat(folder)
    expect(tried.mock.calls).toHaveLength(length)
    tried.mockRestore()
  })

  it.skipIf(mountsMissing() !== undefined)(
    'leaves no broken line behind on a disk that is full, and goes on when there is room',
    async () => {
      const disk = mountDisk(1)
      const [audit, filler] = [join(disk, 'audit'), join(disk, 'filler')]
      try {
        await mkdir(audit)
        // 64 KiB are left.
        await writeFile(filler, Buffer.alloc(960 * 1024))
        const log = begin({ retryMs: 20, waiting: 1_000, batch: 7 }, audit)
        for (let i = 0; i < 400; i++) log.record(note(i))
        await soon(() => expect(log.warning).toMatch(/ENOSPC/))
        expect(await verifyAuditFiles(audit)).toMatchObject({ first: 1, broken: undefined })
        await rm(filler)
        await soon(async () => expect(await entriesOf(audit)).toHaveLength(400))
        expect(log.warning).toBeUndefined()
        expect(await verifyAuditFiles(audit)).toMatchObject({ broken: undefined })
        await log.stop()
      } finally {
        unmountDisk(disk)
      }
    },
  )
})
