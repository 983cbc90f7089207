/** Which of the addresses listened on a record lists, those that most others can reach first. */
import { limits } from '@agent-mesh/protocol'
import { inward, partsOf, scopeOf, type Interfaces } from '../transport/index.ts'

const order = ['public', 'name', 'private', 'loopback'] as const

/** The scope of an address; undefined when it is not reachable. Addresses of other kinds were configured, and are kept. */
function placeOf(addr: string): (typeof order)[number] | undefined {
  const parts = partsOf(addr)
  const host = parts?.host ?? addr.split('/')[2] ?? ''
  if (parts?.kind.startsWith('dns') === true || /^\/dns/.test(addr)) return 'name'
  const scope = scopeOf(host)
  return scope === 'none' ? undefined : scope
}

/**
 * Loopback only where there is nothing else: a mesh on one machine. Bridges to containers never: on every host they have
 * the same addresses.
 */
export function listedAddresses(addresses: readonly string[], interfaces: Interfaces): string[] {
  const bridges = inward(interfaces)
  const useful = [...new Set(addresses)].flatMap(addr => {
    const place = placeOf(addr)
    return place === undefined || bridges.has(partsOf(addr)?.host ?? '') ? [] : [{ addr, place }]
  })
  const elsewhere = useful.filter(({ place }) => place !== 'loopback')
  const listed = elsewhere.length > 0 ? elsewhere : useful
  return order
    .flatMap(place => listed.filter(entry => entry.place === place))
    .map(({ addr }) => addr)
    .slice(0, limits.addrs)
}
