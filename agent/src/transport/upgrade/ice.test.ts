import fc from 'fast-check'
import { MeshError, type UpgradeSignal } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { candidateOf, IceFilter } from './ice.ts'
import { decodeSignal, encodeSignal } from './signalling-stream.ts'

const fingerprint = Array.from({ length: 32 }, () => 'A1').join(':')
const lines = [
  'v=0',
  'o=rtc 3323694253 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'a=msid-semantic:WMS *',
  'a=ice-options:ice2,trickle',
  `a=fingerprint:sha-256 ${fingerprint}`,
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendrecv',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
  'a=setup:actpass',
  'a=ice-ufrag:/FWk',
  'a=ice-pwd:AHn326o0+LPthShvQ9XAHK',
]
const sdp = (all: readonly string[]) => all.map(line => `${line}\r\n`).join('')
const offer = (all = lines): UpgradeSignal => ({ type: 'signal', kind: 'offer', data: sdp(all) })
const candidate = (text: string): UpgradeSignal => ({
  type: 'signal',
  kind: 'candidate',
  data: JSON.stringify({ candidate: text, sdpMid: '0' }),
})
const host = (address: string, port = 40_000) => `candidate:1 1 UDP 2114977791 ${address} ${port} typ host`
const filter = () => new IceFilter(address => address !== '127.0.0.1')

describe('a session description', () => {
  it('of the own library passes as it is', () => {
    expect(filter().pass(offer())).toEqual(offer())
  })

  it('loses candidates and all that is not known', () => {
    const more = [
      ...lines,
      `a=${host('45.45.45.3')}`,
      'a=ice-lite',
      'a=rtpmap:1 x',
      'a=remote-candidates:1 1.2.3.4 5',
    ]
    expect(filter().pass(offer(more))).toEqual(offer())
  })

  it.each(['a=ice-ufrag', 'a=ice-pwd', 'a=fingerprint', 'a=setup', 'm=application'])(
    'without %s is refused',
    name => {
      expect(() => filter().pass(offer(lines.filter(line => !line.startsWith(name))))).toThrow(MeshError)
    },
  )

  it.each([
    'a=ice-ufrag:abc',
    'a=ice-pwd:short',
    `a=ice-pwd:${'x'.repeat(257)}`,
    'a=ice-pwd:AHn326o0-LPthShvQ9XAHK',
  ])('with %s, which may end the process in native code, is refused', line => {
    const [name = ''] = line.split(':')
    const changed = lines.map(known => (known.startsWith(name) ? line : known))
    expect(() => filter().pass(offer(changed))).toThrow(MeshError)
  })

  it('with two passwords is refused', () => {
    expect(() => filter().pass(offer([...lines, 'a=ice-pwd:AHn326o0+LPthShvQ9XAHL']))).toThrow(MeshError)
  })
})

describe('candidates', () => {
  it.each([
    ['of a host', host('45.45.45.3'), true],
    ['as the library writes them', `a=${host('45.45.45.3')}`, true],
    ['of STUN', 'candidate:3 1 UDP 1 45.45.45.3 40000 typ srflx raddr 0.0.0.0 rport 0', true],
    ['that may not be dialled', host('127.0.0.1'), false],
    ['at a service port', host('45.45.45.3', 53), false],
    ['of a name', host('victim.example'), false],
    ['of TCP', host('45.45.45.3').replace('UDP', 'TCP'), false],
    ['of a relay', host('45.45.45.3').replace('host', 'relay'), false],
    ['with more behind', `${host('45.45.45.3')}\r\na=ice-lite`, false],
  ])('%s', (_name, text, passes) => {
    expect(filter().pass(candidate(text)) !== undefined).toBe(passes)
  })

  it('are few', () => {
    const one = filter()
    const passed = Array.from({ length: 50 }, (_, i) => one.pass(candidate(host('45.45.45.3', 40_000 + i))))
    expect(passed.filter(signal => signal !== undefined)).toHaveLength(8)
  })

  it('that are not JSON, or none, are refused with a typed error', () => {
    for (const data of ['', 'null', '{}', '[]', '{"candidate":1}'])
      expect(() => filter().pass({ type: 'signal', kind: 'candidate', data })).toThrow(MeshError)
  })

  it('any text is a candidate with an address, or none', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const found = candidateOf(`candidate:${text}`)
        expect(found === undefined || found.host.length > 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

it('signals come out of their protobuf as they went in, and no bytes make it throw', () => {
  const kinds = fc.constantFrom('offer', 'answer', 'candidate')
  fc.assert(
    fc.property(kinds, fc.string({ unit: 'grapheme', maxLength: 400 }), (kind, data) => {
      expect(decodeSignal(encodeSignal({ type: 'signal', kind, data }))).toEqual({
        type: 'signal',
        kind,
        data,
      })
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes => void decodeSignal(bytes)),
    { numRuns: 500 },
  )
})
