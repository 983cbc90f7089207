/** Who has which address. Every run has an Internet of its own, so runs at the same time use the same plan. */

/**
 * A range that no library takes for private or reserved (203.0.113.0/24 is): members would otherwise not try to reach
 * each other there. The namespaces have no way out, so no other traffic is affected.
 */
const publicNet = '45.45.45'
/** Global unicast, for the same reason. */
const publicNet6 = '2a0f:4545::'

/** The default route of all hosts: it drops packets to unknown addresses silently, as the Internet does. */
export const internetRouter = `${publicNet}.1`

export interface PublicAddress {
  ip4: string
  ip6: string
}

const at = (host: number): PublicAddress => ({ ip4: `${publicNet}.${host}`, ip6: `${publicNet6}${host}` })

export const controlPlaneAddress = at(10)
/** First and second relay. */
export const relayAddresses = [at(21), at(22)] as const

/** How many hosts a lab holds: what is left of a /24. */
const maxHosts = 150

/** The public side of host number `n`, from 0: its own address, or that of its outermost router. */
export function hostAddress(n: number): PublicAddress {
  if (n >= maxHosts) throw new RangeError(`Cannot number host ${n}: the plan has ${maxHosts}`)
  return at(100 + n)
}

/**
 * The private network behind the router of host `n`: the same 192.168.1.0/24 behind every router, as at home, so that
 * private addresses of others lead nowhere or to another host.
 */
export const lanOf = (n: number) => ({ router: '192.168.1.1', host: `192.168.1.${2 + (n % 200)}` })

/** Between the two routers of a host behind two. */
export const carrierNet = { outer: '100.64.0.1', inner: '100.64.0.2' }

export const proxyPort = 3128
