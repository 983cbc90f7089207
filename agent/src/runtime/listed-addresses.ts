/** Which of the addresses listened on a record lists. */
import { limits } from '@agent-mesh/protocol'

const loopback = /^\/(?:ip4\/127\.|ip6\/::1\/)/
/** Reachable on one link only, or nowhere. */
const useless = /^\/(?:ip6\/fe80:|ip4\/169\.254\.|ip4\/0\.|ip6\/::\/)/

/** Loopback only where there is nothing else: a mesh on one machine. */
export function listedAddresses(addresses: readonly string[]): string[] {
  const useful = [...new Set(addresses)].filter(addr => !useless.test(addr))
  const elsewhere = useful.filter(addr => !loopback.test(addr))
  return (elsewhere.length > 0 ? elsewhere : useful).slice(0, limits.addrs)
}
