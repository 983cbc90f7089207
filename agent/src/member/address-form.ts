/** Addresses to listen on and to announce, as people write them: `HOST:PORT`, or a multiaddr. */

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

/** A TCP or WebSocket address. */
export const addressForm = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/ws|\/wss|\/tls\/ws)?$/

export const listenExamples = '0.0.0.0:4001, /ip4/0.0.0.0/tcp/443/ws'
export const announceExamples = 'relay.example.com:4001, /dns4/relay.example.com/tcp/443/wss'

/** What an address is not. @param examples of those that are meant */
export const noAddress = (examples: string): string =>
  `is not HOST:PORT, nor a TCP or WebSocket address (${examples})`
