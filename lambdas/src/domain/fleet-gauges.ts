import { limits, type TokenView } from '@agent-mesh/protocol'
import { longLivedTokenMs } from '../defaults.ts'
import { readRelays } from './head-documents.ts'
import type { JoinTokens } from './join-tokens.ts'
import type { MeshParts } from './mesh-context.ts'

/** Values that alarms watch and no request shows. */
export interface FleetGauges {
  /** Relays in the head. */
  relays: number
  /** Those with a lease: agents can be homed at them. */
  liveRelays: number
  /**
   * Days until the first long-lived token with uses left expires: machines that start by themselves join with it.
   * Absent: there is none.
   */
  tokenDays?: number
}

const dayMs = 24 * 3600_000

/** Reads the head, the leases and all tokens: for a schedule, not for requests. */
export async function fleetGauges(
  mesh: MeshParts<'keys' | 'ring' | 'clock', 'headParts' | 'presence'>,
  tokens: Pick<JoinTokens, 'list'>,
): Promise<FleetGauges> {
  const [{ relays }, leases, expiries] = await Promise.all([
    readRelays(mesh),
    mesh.store.presence.readLeases(),
    longLivedExpiries(tokens),
  ])
  const leased = new Set(leases.map(({ relay }) => relay))
  const first = Math.min(...expiries)
  return {
    relays: relays.length,
    liveRelays: relays.filter(({ peerId }) => leased.has(peerId)).length,
    ...(expiries.length === 0 ? {} : { tokenDays: (first - mesh.clock.now()) / dayMs }),
  }
}

/** Unix ms. */
async function longLivedExpiries(tokens: Pick<JoinTokens, 'list'>): Promise<number[]> {
  const expiries: number[] = []
  let cursor: string | undefined
  do {
    const page = await tokens.list({ limit: limits.listed, ...(cursor === undefined ? {} : { cursor }) })
    expiries.push(...page.tokens.filter(isLongLived).map(({ expiresAt }) => expiresAt))
    cursor = page.next
  } while (cursor !== undefined)
  return expiries
}

const isLongLived = ({ revoked, left, createdAt, expiresAt }: TokenView): boolean =>
  !revoked && left > 0 && expiresAt - createdAt >= longLivedTokenMs
