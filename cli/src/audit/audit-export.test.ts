import {
  auditRoot,
  formatAuditLine,
  nextAuditEntry,
  type AuditEntry,
  type MeshError,
} from '@agent-mesh/protocol'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { datagramReceiver, streamReceiver, type TestReceiver } from '../../../test/support/syslog-receiver.ts'
import { readPosition, writePosition } from './export-position.ts'
import { followExport } from './follow-export.ts'
import { rotatedFile } from './rotated-file.ts'
import { syslogMessage } from './syslog-message.ts'
import { openReceiver, parseSyslogAddress } from './syslog-receiver.ts'

const entry = (seq: number, what: 'join' | 'denied' = 'join'): AuditEntry =>
  nextAuditEntry(
    { ...auditRoot, seq: seq - 1 },
    { at: 1_700_000_000_123 + seq, who: 'ada', what, detail: { name: 'Zoë "]\\ \n' } },
  )
const never = new AbortController().signal
const patient = { timeout: 20_000, interval: 20 }

let folder: string
const receivers: TestReceiver[] = []
const started = async (receiver: Promise<TestReceiver>): Promise<TestReceiver> => {
  receivers.push(await receiver)
  return receiver
}
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'audit-export-'))))
afterEach(async () => {
  await Promise.all(receivers.splice(0).map(receiver => receiver.stop()))
  await rm(folder, { recursive: true, force: true })
})

describe('a receiver of syslog', () => {
  it.each([
    ['UDP', () => datagramReceiver()],
    ['TCP', () => streamReceiver({ port: 0 })],
    ['a UNIX socket', () => streamReceiver({ path: join(folder, 'log.sock') })],
  ])('gets entries over %s as messages of RFC 5424, each with the line of the log', async (_, open) => {
    const { address, messages, faults } = await started(open())
    const receiver = await openReceiver(parseSyslogAddress(address), never)
    const entries = [entry(1), entry(2, 'denied')]
    for (const one of entries) await receiver.send(syslogMessage(one, 'web 1'))
    await vi.waitFor(() => expect([...faults, ...messages]).toHaveLength(2), patient)
    await receiver.close()
    await receiver.close()
    const [first, second] = messages
    expect(first).toMatchObject({ facility: 13, severity: 5, time: 1_700_000_000_124, host: 'web?1' })
    expect(first).toMatchObject({ app: 'agent-mesh', id: 'join', text: formatAuditLine(entry(1)) })
    expect(second).toMatchObject({ severity: 4, id: 'denied', text: formatAuditLine(entry(2, 'denied')) })
    expect(second?.data).toContain('[meta sequenceId="2"]')
  })

  it('that does not run is named with what to do', async () => {
    const { address, stop } = await streamReceiver({ port: 0 })
    await stop()
    const error = (await openReceiver(parseSyslogAddress(address), never).catch(
      (e: unknown) => e,
    )) as MeshError
    expect(error).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('runs') as string })
    expect(error.message).toMatch(/^Cannot export to syslog: connect ECONNREFUSED/)
  })

  it.each(['127.0.0.1:514', 'http://a:1', 'tcp://', 'udp://u@h:1', 'tcp://h:1/x', 'unix:log', ''])(
    'has no address %j',
    text => expect(() => parseSyslogAddress(text)).toThrow(/no address of a receiver/),
  )

  it('has port 514 unless another is named, and may have an address of IPv6', () => {
    expect(parseSyslogAddress('udp://[::1]')).toEqual({ by: 'udp', host: '::1', port: 514 })
  })
})

describe('a rotated file', () => {
  it('has mode 0600, moves when it is full, and keeps so many', async () => {
    const file = join(folder, 'audit.jsonl')
    await writeFile(file, 'before\n', { mode: 0o644 })
    const receiver = await rotatedFile({ file, most: 12, keep: 2 })
    for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) await receiver.send(text)
    await receiver.close()
    const read = (name: string) => readFile(name, 'utf8').catch(() => 'none')
    expect(await Promise.all([file, `${file}.1`, `${file}.2`, `${file}.3`].map(read))).toEqual([
      'six\n',
      'four\nfive\n',
      'two\nthree\n',
      'none',
    ])
    expect((await stat(`${file}.2`)).mode & 0o777).toBe(0o600)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
})

describe('following an export', () => {
  /** A log of `length` entries that grows, sent to whatever `open` gives. */
  function exported(receiver: { address: string }, log: { length: number }, name = 'test') {
    const end = new AbortController()
    const troubles: string[] = []
    const source = {
      entries: async function* ({ after = 0 }) {
        for (let seq = after + 1; seq <= log.length; seq++) yield await Promise.resolve(entry(seq))
      },
    }
    const run = async () =>
      followExport({
        source,
        open: () => openReceiver(parseSyslogAddress(receiver.address), end.signal),
        format: one => syslogMessage(one),
        after: await readPosition(folder, name),
        keep: seq => writePosition(folder, name, seq),
        onTrouble: ({ message }) => troubles.push(message),
        signal: end.signal,
        everyMs: 10,
      })
    return { done: run(), troubles, stop: () => end.abort() }
  }
  const ids = ({ messages }: TestReceiver) =>
    [...new Set(messages.map(({ text }) => (JSON.parse(text) as AuditEntry).seq))].sort((a, b) => a - b)
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

  it('loses no entry when the receiver restarts, and says so once', async () => {
    const path = join(folder, 'log.sock')
    const log = { length: 100 }
    const first = await started(streamReceiver({ path }))
    const { done, troubles, stop } = exported(first, log)
    await vi.waitFor(() => expect(ids(first)).toEqual(upTo(100)), patient)
    await first.stop()
    log.length = 150
    await vi.waitFor(() => expect(troubles).toHaveLength(1), patient)
    const second = await started(streamReceiver({ path }))
    await vi.waitFor(() => expect(ids(second).at(-1)).toBe(150), patient)
    stop()
    await done
    expect(ids(second)).toEqual(expect.arrayContaining(upTo(150).slice(100)) as number[])
    expect([...first.faults, ...second.faults]).toEqual([])
    expect(troubles).toHaveLength(1)
  })

  it('continues where the one before ended', async () => {
    const log = { length: 3 }
    const receiver = await started(streamReceiver({ port: 0 }))
    const before = exported(receiver, log)
    await vi.waitFor(() => expect(receiver.messages).toHaveLength(3), patient)
    before.stop()
    expect(await before.done).toBe(3)
    log.length = 5
    const after = exported(receiver, log)
    await vi.waitFor(() => expect(receiver.messages).toHaveLength(5), patient)
    after.stop()
    expect(await after.done).toBe(2)
    expect(ids(receiver)).toEqual(upTo(5))
  })
})
