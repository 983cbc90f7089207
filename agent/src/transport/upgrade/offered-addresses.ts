/**
 * Chooses the addresses of a peer's offer that are dialled. An offer is unproved, and must not make this member probe third
 * hosts: few addresses, never a name, never a service port, private ones only on the own subnets and only when the peer seems
 * to be behind the same NAT, loopback only in a mesh on one machine.
 */
import { isIP } from 'node:net'
import type { UpgradeOffer } from '@agent-mesh/protocol'
import { partsOf, scopeOf, type AddressParts } from '../address.ts'
import { outward, subnetsOf, type Interfaces } from '../dial/dial-order.ts'
import { upgradeDefaults } from './defaults.ts'

/** Where this member is. */
export interface Place {
  /** Addresses that relays see it at. */
  observed: readonly string[]
  interfaces: Interfaces
}

export interface Dialable {
  /** To meet the punching port at. */
  punch: string[]
  /** Listened on. */
  listen: string[]
}

const hostOf = (addr: string): string => partsOf(addr)?.host ?? ''

/** @param offer of the peer */
export function dialableOf(offer: Pick<UpgradeOffer, 'observed' | 'local' | 'listen'>, own: Place): Dialable {
  const theirs = offer.observed.map(hostOf)
  const mine = own.observed.map(hostOf)
  const together = theirs.length === 0 || mine.length === 0 || theirs.some(host => mine.includes(host))
  const tcp = (addrs: readonly string[], may: (parts: AddressParts) => boolean) =>
    [...new Set(addrs)].filter(addr => {
      const parts = partsOf(addr)
      return parts?.over === 'tcp' && isIP(parts.host) > 0 && may(parts)
    })
  const near = ({ host }: AddressParts) => scopeOf(host) !== 'public' && together && mayReach(host, own)
  const high = ({ port }: AddressParts) => port >= upgradeDefaults.minPunchPort
  const seen = tcp(offer.observed, parts => high(parts) && mayReach(parts.host, own))
  const local = tcp(offer.local, parts => high(parts) && near(parts))
  const listen = tcp(offer.listen, parts => scopeOf(parts.host) === 'public' || near(parts))
  return { punch: [...new Set([...seen, ...local])], listen: listen.slice(0, upgradeDefaults.maxListenDials) }
}

/** Whether packets may be sent to a host that a peer names, given the place of this member. */
export function mayReach(host: string, own: Place): boolean {
  const scopes = own.observed.map(addr => scopeOf(hostOf(addr)))
  switch (scopeOf(host)) {
    case 'public':
      return true
    case 'loopback':
      return scopes.includes('loopback')
    case 'private':
      // A relay at a private address shows that the private network spans more than the own subnet.
      return (
        scopes.includes('private') ||
        subnetsOf(own.interfaces).check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
      )
    case 'none':
      return false
  }
}

/** The punching port on the own networks, for an offer. */
export function localAddresses(localPort: number, own: Place): string[] {
  const hosts = outward(own.interfaces).map(({ address }) => address)
  const loopback = own.observed.map(hostOf).filter(host => scopeOf(host) === 'loopback')
  return [...hosts.filter(host => scopeOf(host) !== 'none'), ...loopback].map(
    host => `/${isIP(host) === 6 ? 'ip6' : 'ip4'}/${host}/tcp/${localPort}`,
  )
}
