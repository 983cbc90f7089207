/** Addresses to listen on and to announce, as people write them: `HOST:PORT`, or a multiaddr. */
import { limits } from '@agent-mesh/protocol/limits'

/**
 * `10.0.0.1:4001`, `[::1]:4001` and `relay.example.com:4001` as multiaddrs of TCP; all else unchanged. A port alone is no
 * address: it does not say which interfaces are meant.
 */
export function multiaddrOf(text: string): string {
  const [, ip6, host = '', port = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? []
  if (port === '') return text
  if (ip6 !== undefined) return `/ip6/${ip6}/tcp/${port}`
  return `/${/^\d+(?:\.\d+){3}$/.test(host) ? 'ip4' : 'dns4'}/${host}/tcp/${port}`
}

/** A TCP or WebSocket address, its host and its port. */
const addressForm = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(?:\/ws|\/wss|\/tls\/ws)?$/

export interface AddressUse {
  /** What people may write. */
  readonly examples: string
  /** The longest host. */
  readonly hostChars: number
}

export const listened: AddressUse = {
  examples: '0.0.0.0:4001, /ip4/0.0.0.0/tcp/443/ws',
  hostChars: limits.addrChars,
}
export const announced: AddressUse = {
  examples: 'relay.example.com:4001, /dns4/relay.example.com/tcp/443/wss',
  hostChars: limits.announcedHostChars,
}

/** Why an address, as a person wrote it, does not serve; undefined: it does. */
export function refusalOf(text: string, { examples, hostChars }: AddressUse): string | undefined {
  const [, host, port] = text.length > limits.addrChars ? [] : (addressForm.exec(multiaddrOf(text)) ?? [])
  if (host === undefined) return `is not HOST:PORT, nor a TCP or WebSocket address (${examples})`
  if (Number(port) > 65_535) return `has port ${port}, and ports end at 65535`
  if (host.length <= hostChars) return undefined
  return `has a host of ${host.length} characters, and members of the version before take ${hostChars}: announce a shorter name for it (CNAME), or its IP address`
}
