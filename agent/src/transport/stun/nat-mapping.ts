/** What answers of STUN servers show about the NATs on the way: pure, table-tested (RFC 4787, 4.1; RFC 5780, 4.3). */
import type { StunAddress } from '@agent-mesh/protocol'

/**
 * - `open`: no NAT, this host has the address itself
 * - `cone`: one mapping for all destinations. Its filtering cannot be measured from here: a cone, or less strict
 * - `symmetric`: another mapping for each destination, so that no address can be announced
 * - `one-server`: behind a NAT, but only one server answered, which does not show its kind
 * - `blocked`: no server answered
 */
export type NatMapping = 'open' | 'cone' | 'symmetric' | 'one-server' | 'blocked'

export interface MappingSeen {
  /** `HOST:PORT` of the server. */
  server: string
  mapped: StunAddress
}

/** @param seen answers to one socket @param ownHosts addresses of this host's interfaces */
export function natMapping(seen: readonly MappingSeen[], ownHosts: readonly string[]): NatMapping {
  const [first] = seen
  if (first === undefined) return 'blocked'
  const same = seen.every(
    ({ mapped }) => mapped.host === first.mapped.host && mapped.port === first.mapped.port,
  )
  if (!same) return 'symmetric'
  if (ownHosts.includes(first.mapped.host)) return 'open'
  return new Set(seen.map(({ server }) => server)).size > 1 ? 'cone' : 'one-server'
}
