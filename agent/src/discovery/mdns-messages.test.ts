import { expect, test } from 'vitest'
import { announcedIn, announcementRecords, asksFor, mdnsTag, type DnsRecord } from './mdns-messages.ts'

const peerId = '12D3KooWDpNUfscNc3C5knrRTRWiECjUZWhWW7AXf3q3c9p8S7Tk'
const meshId = 'a'.repeat(52)
const tag = mdnsTag(meshId)
const records = announcementRecords(tag, 'f00d', { peerId, port: 4001 })

test('a tag names a mesh without telling which', () => {
  expect(tag).toMatch(/^_am[0-9a-z]{12}\._udp\.local$/)
  expect(mdnsTag('b'.repeat(52))).not.toBe(tag)
  expect(tag).not.toContain(meshId.slice(0, 6))
})

test('an announcement tells peer id and port, and is read again', () => {
  expect(announcedIn(tag, records)).toEqual([{ peerId, port: 4001 }])
  expect(JSON.stringify(records)).not.toContain(meshId)
  const wired = records.map(record =>
    Array.isArray(record.data)
      ? { ...record, data: record.data.map(text => Buffer.from(String(text))) }
      : record,
  )
  expect(announcedIn(tag, wired)).toEqual([{ peerId, port: 4001 }])
})

test('what another mesh announces or asks is not meant', () => {
  const other = mdnsTag('b'.repeat(52))
  expect(announcedIn(other, records)).toEqual([])
  expect(asksFor(tag, [{ type: 'PTR', name: other }])).toBe(false)
  expect(asksFor(tag, [{ type: 'PTR', name: tag.toUpperCase() }])).toBe(true)
})

const txt = (data: unknown): DnsRecord => ({ type: 'TXT', name: `x.${tag}`, data })
test.each<[string, DnsRecord[]]>([
  ['no peer id', [txt(['port=4001'])]],
  ['a peer id that is none', [txt([`id=${peerId.slice(1)}`, 'port=4001'])]],
  ['port 0', [txt([`id=${peerId}`, 'port=0'])]],
  ['a port over 65535', [txt([`id=${peerId}`, 'port=65536'])]],
  ['a port that is none', [txt([`id=${peerId}`, 'port=4001x'])]],
  ['no text', [txt(null), txt(undefined), txt(7), txt([{}, null])]],
  ['nothing', []],
])('an answer with %s tells of nobody', (_, answer) => {
  expect(announcedIn(tag, answer)).toEqual([])
})

test('of an answer with thousands of records a few are read', () => {
  expect(
    announcedIn(
      tag,
      Array.from({ length: 5_000 }, () => records[1] as DnsRecord),
    ),
  ).toHaveLength(64)
})
