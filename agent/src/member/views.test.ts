import { expect, test, vi } from 'vitest'
import { Belief } from '../membership/belief.ts'
import type { MapMember } from '../membership/member-index.ts'
import { Presence } from '../membership/presence.ts'
import { Verdicts } from '../membership/verdicts.ts'
import type { Link } from '../transport/links/link.ts'
import { bareLink, bareTable } from '../transport/testing/bare-links.ts'
import { peerView } from './views.ts'

const member = (roles: string[], region?: string) =>
  ({
    peerId: '12D3KooWedge',
    name: 'edge-7',
    credential: { roles, ...(region === undefined ? {} : { region }) },
    record: { services: ['math@2'], incarnation: Date.UTC(2026, 0, 1) },
  }) as unknown as MapMember

const link = bareLink({ peerId: '12D3KooWedge' }, '/ip4/192.0.2.1/tcp/1/p2p/R/p2p-circuit')
link.rttMs = 12

const now = Date.UTC(2026, 0, 2)

const onError = (error: unknown) => {
  throw error
}

function believing({ linked, leased }: { linked?: Link; leased: string }): Belief {
  const presence = new Presence(onError)
  presence.from('relay-1').tell({ full: true, up: [leased], down: [] })
  const links = bareTable()
  if (linked !== undefined) links.add(linked)
  return new Belief({
    self: 'self',
    links,
    presence,
    verdicts: new Verdicts(() => 0, onError),
    heardAt: () => 0,
    now: () => 0,
    onError,
  })
}

const view = (peer: Parameters<typeof peerView>[0], belief: Belief, estimatedMs?: number) =>
  peerView(peer, { belief, roundTrips: { estimate: () => estimatedMs } }, now)

test('a peer is online by its own link first, and shows how far it is', () => {
  expect(view(member(['agent'], 'eu-1'), believing({ linked: link, leased: '12D3KooWedge' }), 99)).toEqual({
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
  const seen = view(member(['relay']), believing({ leased: '12D3KooWedge' }))
  expect(seen).toMatchObject({ kind: 'relay', online: true, source: 'lease' })
  expect(seen).not.toHaveProperty('path')
  expect(seen).not.toHaveProperty('estimatedRttMs')
})

test('a peer without a measured round trip shows the estimated one as such', () => {
  const seen = view(member(['agent']), believing({ leased: '12D3KooWedge' }), 42)
  expect(seen).toMatchObject({ estimatedRttMs: 42 })
  expect(seen).not.toHaveProperty('rttMs')
})

test('a peer that nobody speaks for is offline', () => {
  expect(view(member(['agent']), believing({ leased: 'another' }))).toMatchObject({
    online: false,
    source: 'none',
  })
})

test('a peer that is offline was last seen when its link ended, else when it published its record', async () => {
  const offline = believing({ leased: 'another' })
  expect(view(member(['agent']), offline)).toMatchObject({ lastSeen: Date.UTC(2026, 0, 1) })
  const linked = bareLink({ peerId: '12D3KooWedge' })
  const seen = believing({ linked, leased: 'another' })
  expect(view(member(['agent']), seen)).not.toHaveProperty('lastSeen')
  linked.markDown(undefined)
  await vi.waitFor(
    () => expect(view(member(['agent']), seen)).toMatchObject({ online: false, lastSeen: now }),
    20_000,
  )
})
