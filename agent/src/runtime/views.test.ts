import { expect, test } from 'vitest'
import type { MapMember } from '../membership/member-index.ts'
import { Presence } from '../membership/presence.ts'
import type { Link } from '../transport/link.ts'
import { peerView } from './views.ts'

const member = (roles: string[], region?: string) =>
  ({
    peerId: '12D3KooWedge',
    name: 'edge-7',
    credential: { roles, ...(region === undefined ? {} : { region }) },
    record: { services: ['math@2'] },
  }) as unknown as MapMember

const link = { path: 'relay', rttMs: 12 } as Link

const leasing = (...peers: string[]) => {
  const presence = new Presence()
  presence.tell('relay-1', { full: true, up: peers, down: [] })
  return presence
}

test('a peer is online by its own link first, and shows how far it is', () => {
  const view = peerView(member(['agent'], 'eu-1'), link, leasing('12D3KooWedge'))
  expect(view).toEqual({
    peerId: '12D3KooWedge',
    name: 'edge-7',
    kind: 'agent',
    online: true,
    source: 'link',
    services: ['math@2'],
    path: 'relay',
    rttMs: 12,
    region: 'eu-1',
  })
})

test('a peer without a link is online by the lease of its relay, of unknown path', () => {
  const view = peerView(member(['relay']), undefined, leasing('12D3KooWedge'))
  expect(view).toMatchObject({ kind: 'relay', online: true, source: 'lease' })
  expect(view).not.toHaveProperty('path')
})

test('a peer that nobody speaks for is offline', () => {
  expect(peerView(member(['agent']), undefined, leasing('another'))).toMatchObject({
    online: false,
    source: 'none',
  })
})
