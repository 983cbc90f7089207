/** Addresses to listen on and to announce, as options take them: `HOST:PORT`, or a multiaddr. */
import * as z from 'zod/mini'

const longest = 128

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

const addressField = (multiaddr: RegExp, examples: string) =>
  z.pipe(
    z.pipe(z.string().check(z.maxLength(longest)), z.transform(multiaddrOf)),
    z
      .string()
      .check(z.regex(multiaddr, { error: `is not HOST:PORT, nor a TCP or WebSocket address (${examples})` })),
  )

export const listenField = addressField(
  /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/ws|\/wss|\/tls\/ws)?$/,
  '0.0.0.0:4001, /ip4/0.0.0.0/tcp/443/ws',
)

export const announceField = addressField(
  /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/ws|\/wss|\/tls\/ws)?$/,
  'relay.example.com:4001, /dns4/relay.example.com/tcp/443/wss',
)
