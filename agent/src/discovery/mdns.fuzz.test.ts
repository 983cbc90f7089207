import fc from 'fast-check'
import { test } from 'vitest'
import { announcedIn, asksFor, mdnsTag, type DnsRecord } from './mdns-messages.ts'

const tag = mdnsTag('a'.repeat(52))
const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) }
const name = fc.oneof(fc.constant(tag), fc.constant(`x.${tag}`), fc.anything())
const text = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.string(), fc.anything())
const record = fc.record({
  type: fc.constantFrom('TXT', 'PTR', 'A'),
  name,
  data: fc.oneof(text, fc.array(text)),
})

test('no records of a LAN make the reader of announcements throw', () => {
  fc.assert(
    fc.property(fc.array(record), records => {
      announcedIn(tag, records as DnsRecord[])
      asksFor(tag, records)
    }),
    runs,
  )
})
