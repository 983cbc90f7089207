/** A member as the page shows it: what the control plane and the agent of this machine know, in one row. */
import type { Membership } from '@agent-mesh/protocol/api/memberships'
import type { LocalPeer, LocalStatus } from '@agent-mesh/protocol/local-api'

import { stateOf } from '../data/memberships.ts'

export interface MemberRow {
  peerId: string
  name: string
  /** `agent`, `relay`, `admin`. */
  kind: string
  /** `online`, `offline`, `unlisted` (no record in the map), `revoked`. */
  state: string
  roles: readonly string[]
  tags: readonly string[]
  region?: string | undefined
  services: readonly string[]
  /** Peer id of its home relay. */
  at?: string | undefined
  /** How the agent of this machine reaches it; `self`: it is that agent. */
  path?: string | undefined
  /** ms, whole: a row does not change with each round trip. */
  rttMs?: number | undefined
  /** Unix milliseconds. */
  lastSeen?: number | undefined
  joinedAt?: number | undefined
  serial?: string | undefined
}

/** What was learnt last from each source. */
export interface Learnt {
  memberships: readonly Membership[]
  peers: readonly LocalPeer[]
  /** Of the agent of this machine. */
  status: LocalStatus | undefined
}

/** Rows by peer id. What the agent sees is newer than what relays report to the control plane. */
export function memberRows({ memberships, peers, status }: Learnt): Map<string, MemberRow> {
  const rows = new Map(memberships.map(each => [each.peerId, enrolledRow(each)]))
  for (const peer of peers) {
    const row = rows.get(peer.peerId) ?? blankRow(peer)
    const isEnded = row.state === 'revoked'
    rows.set(peer.peerId, {
      ...row,
      state: isEnded ? row.state : peer.online ? 'online' : 'offline',
      region: row.region ?? peer.region,
      services: row.services.length > 0 ? row.services : peer.services,
      path: peer.path,
      ...(peer.rttMs !== undefined && { rttMs: Math.max(1, Math.round(peer.rttMs)) }),
      lastSeen: peer.lastSeen,
    })
  }
  const { peerId, name } = status ?? {}
  if (status !== undefined && peerId !== undefined && name !== undefined) {
    const { kind, region, services } = status
    const row = rows.get(peerId) ?? { ...blankRow({ peerId, name, kind, services }), region }
    rows.set(peerId, { ...row, state: status.ended ?? 'online', path: 'self' })
  }
  return rows
}

const blankRow = ({
  peerId,
  name,
  kind,
  services,
}: {
  peerId: string
  name: string
  kind: string
  services: readonly string[]
}): MemberRow => ({ peerId, name, kind, state: 'offline', roles: [kind], tags: [], services })

const enrolledRow = (membership: Membership): MemberRow => {
  const { peerId, name, roles, tags, region, services, at, joinedAt, serial } = membership
  const kind = ['relay', 'agent', 'admin'].find(role => roles.includes(role)) ?? 'agent'
  return {
    ...{ peerId, name, kind, roles, tags, region, services, at, joinedAt, serial },
    state: stateOf(membership),
  }
}
