import type { PathReport } from '@agent-mesh/protocol/path-report'
import { expect, test } from 'vitest'

import { pathSentence } from './path-sentence.ts'

const report = (more: Partial<PathReport>): PathReport => ({
  ...{ from: 'a', to: 'b', toName: 'web-1', links: [], tried: [] },
  ...more,
})
const link = (path: 'direct' | 'webrtc' | 'relay', relay?: string) => ({
  ...{ path, state: 'up' as const, remoteAddr: '/ip4/192.0.2.1/tcp/1', dialledBy: 'us' as const, ageMs: 5 },
  ...{ rttMs: 12.4, relay },
})
const nameOf = (peerId: string) => (peerId === 'r' ? 'relay-1' : peerId)
const relayed: Partial<PathReport> = { path: 'relay', links: [link('relay', 'r')] }

test.each([
  [
    { path: 'direct', links: [link('direct')] },
    'Calls to web-1 go directly to /ip4/192.0.2.1/tcp/1, 12 ms for a round trip.',
  ],
  [
    { path: 'webrtc', links: [link('webrtc')] },
    'Calls to web-1 go through its NAT over WebRTC, without a relay, 12 ms for a round trip.',
  ],
  [
    { ...relayed, upgrade: { attempts: 3, result: 'failed', reason: 'webrtc: UDP seems to be blocked' } },
    'Calls to web-1 go through relay relay-1, 12 ms for a round trip: a better path was searched 3 times (webrtc: UDP seems to be blocked).',
  ],
  [
    relayed,
    'Calls to web-1 go through relay relay-1, 12 ms for a round trip: the search for a better path has not begun.',
  ],
  [
    { ...relayed, from: 'c' },
    'Calls to web-1 go through relay relay-1, 12 ms for a round trip: the other member searches for a better path, as its peer id is the lower one.',
  ],
  [
    { path: 'relay', links: [{ ...link('relay', 'unknown here'), relayName: 'relay-2' }], from: 'c' },
    'Calls to web-1 go through relay relay-2, 12 ms for a round trip: the other member searches for a better path, as its peer id is the lower one.',
  ],
  [{}, 'No path to web-1 is open: the next call dials.'],
  [
    {
      tried: [
        { name: 'direct', at: 1, error: 'refused' },
        { name: 'relay', at: 2 },
      ],
    },
    'No path to web-1 is open: the last dial failed (direct: refused).',
  ],
] as [Partial<PathReport>, string][])('says why a path is taken: %#', (more, text) => {
  expect(pathSentence(report(more), nameOf).text).toBe(text)
})

test('says what to do about a relay and about no path, and nothing about a direct path', () => {
  expect(pathSentence(report(relayed), nameOf).action).toContain('agent-mesh netcheck')
  expect(pathSentence(report({}), nameOf).action).toContain('agent-mesh ping web-1')
  expect(pathSentence(report({ path: 'direct', links: [link('direct')] }), nameOf).action).toBeUndefined()
})
