import { maxTimeoutMs } from '@agent-mesh/protocol/wire/index'

/**
 * Why a link has ended, for the callers of what ran on it.
 * @param error what broke it; undefined: one end closed it
 * @param peerDrainMs how long a peer that goes away lets calls run; undefined: it did not say that it goes away
 */
export function endReason(error: Error | undefined, peerDrainMs: number | undefined): string {
  const ended = error === undefined ? 'the link is closed' : `the link broke: ${error.message}`
  if (peerDrainMs === undefined || peerDrainMs === maxTimeoutMs) return ended
  return `${ended}; the peer said going away, and gave running calls ${peerDrainMs / 1_000} s`
}
