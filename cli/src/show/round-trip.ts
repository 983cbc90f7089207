import type { LocalPeer } from '@agent-mesh/protocol/local-api'

import { duration } from './units.ts'

/** Measured, or `~` and the estimate. */
export function roundTripText({ rttMs, estimatedRttMs }: LocalPeer): string {
  if (rttMs !== undefined) return duration(rttMs)
  return estimatedRttMs === undefined ? '-' : `~${duration(estimatedRttMs)}`
}
