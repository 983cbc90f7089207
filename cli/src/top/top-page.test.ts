import type { LocalPeer, LocalStatus } from '@agent-mesh/protocol/local-api'
import { expect, test } from 'vitest'

import { createOutput } from '../show/output.ts'
import { render } from '../show/text.ts'
import { topPage } from './top-page.ts'

const now = 1_900_000_000_000
const status: LocalStatus = {
  kind: 'agent',
  name: 'ada',
  version: '1',
  pid: 7,
  startedAt: now - 180_000,
  meshId: 'm',
  ready: false,
  warnings: [],
  relays: [{ peerId: 'r', name: 'relay-1', reserved: true }],
  addrs: [],
  services: [],
  members: { known: 4, online: 3 },
  links: { direct: 1, webrtc: 0, relay: 1 },
  load: { rssBytes: 90 * 1024 ** 2, heapBytes: 30 * 1024 ** 2, loopDelayMs: 3, calls: 12 },
  checks: [
    { name: 'disk', level: 'passing', since: now },
    { name: 'queue', level: 'failing', reason: 'no \u001b[31mbroker', since: now - 5_000 },
  ],
  acts: [{ at: now - 120_000, supervisor: 'relay', act: 'moved to relay relay-1', times: 2 }],
}
const peer = (name: string, changes: Partial<LocalPeer> = {}): LocalPeer => ({
  peerId: name,
  name,
  kind: 'agent',
  online: true,
  source: 'link',
  services: ['host@1'],
  ...changes,
})
const shown = (peers: LocalPeer[], changes: Partial<LocalStatus> = {}) =>
  render(
    topPage({ status: { ...status, ...changes }, peers }, createOutput({ json: false, color: false }), now),
  )

test('the page has members, paths, health and load', () => {
  const text = shown([peer('ben', { path: 'direct', rttMs: 1.5, services: ['host@1', 'math@2'] })])
  expect(text).toMatch(/^ada {2}agent, not ready, up 3 min/)
  expect(text).toContain('3 of 4 online; links: 1 direct, 0 webrtc, 1 relayed; reached through relay-1')
  expect(text).toContain('12 calls, memory 90.0 MiB (heap 30.0 MiB), event loop 3.0 ms late')
  expect(text).toContain('1 of 2 pass')
  expect(text).toContain('recovery 2 min ago relay: moved to relay relay-1, 2 times')
  expect(text).toMatch(/^ben +agent +online +direct +1\.5 ms +- +math@2$/m)
})

test('text of others steers no terminal', () => {
  expect(shown([])).toContain('check    queue failing for 5.0 s: no \\x1b[31mbroker')
})

test('members that went offline last come first, then those with the longest round trip', () => {
  const text = shown([
    peer('near', { rttMs: 1 }),
    peer('unlinked'),
    peer('far', { rttMs: 90 }),
    peer('gone-long', { online: false, lastSeen: now - 9_000_000 }),
    peer('gone', { online: false, lastSeen: now - 9_000 }),
  ])
  const names = [...text.matchAll(/^(\S+) +agent {2,}/gm)].map(([, name]) => name)
  expect(names).toEqual(['gone', 'gone-long', 'far', 'near', 'unlinked'])
})

test('a process of an older version, without checks and load, is shown as well', () => {
  const { checks: _, acts: __, load: ___, ...old } = status
  const text = render(topPage({ status: old, peers: [] }, createOutput({ json: false, color: false }), now))
  expect(text.split('\n')).toHaveLength(2)
})
