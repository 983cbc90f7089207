import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { auditEntries } from '../observe/audit-files.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { MemberAudit } from './member-audit.ts'

let folder: string
let audit: MemberAudit
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'member-audit-'))
  const log = createLogger('test', 'silent')
  const options = { ownEntries: 10 }
  audit = new MemberAudit({ peerId: 'self', folder, clock: systemClock, log, options })
})
afterEach(async () => {
  await audit.stop()
  await rm(folder, { recursive: true, force: true })
})

async function entriesOf(): Promise<AuditEntry[]> {
  await audit.stop()
  const entries: AuditEntry[] = []
  for await (const entry of auditEntries(folder)) entries.push(entry)
  return entries
}
const runs = (name: string, command: string) =>
  audit.machineUsed({ what: 'exec', from: { sub: name, name }, detail: { command } })

describe('what members do on a machine', () => {
  it('is an entry each, until one member does it in a loop: the rest of that is counted', async () => {
    for (let n = 0; n < 500; n++) runs('loud', 'uptime')
    runs('quiet', 'reboot')
    const entries = await entriesOf()
    const loud = entries.filter(({ who }) => who === 'loud')
    expect(loud).toHaveLength(12)
    expect(loud.at(-1)?.detail).toEqual({ name: 'loud', command: 'uptime', count: 489 })
    expect(entries.find(({ who }) => who === 'quiet')?.detail).toEqual({ name: 'quiet', command: 'reboot' })
  })

  it('leaves what the member itself did, and grants, outside of that', async () => {
    for (let n = 0; n < 20; n++)
      audit.credentialGiven('renew', { name: 'self', roles: ['agent'], serial: `${n}`, exp: n } as never)
    expect(await entriesOf()).toHaveLength(20)
  })
})
