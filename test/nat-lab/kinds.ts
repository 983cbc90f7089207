/** The kinds of network that a host can be in, and the rules of the router that makes them so. */

/**
 * - `open`: a public address, no NAT, no filter.
 * - `full-cone`: keeps ports; UDP comes in from anywhere, new TCP does not.
 * - `cone`: keeps ports; only who was sent to, address and port, may answer. Drops, never resets.
 * - `symmetric`: a new random port for each destination, UDP and TCP.
 * - `udp-dropped`: cone that lets no UDP through.
 * - `tcp-443`: nothing leaves but TCP to port 443.
 * - `double-nat`: a cone behind a cone.
 * - `http-proxy`: nothing leaves; a proxy connects to port 443 on request (HTTP CONNECT).
 */
export const kinds = [
  'open',
  'full-cone',
  'cone',
  'symmetric',
  'udp-dropped',
  'tcp-443',
  'double-nat',
  'http-proxy',
] as const
export type Kind = (typeof kinds)[number]

export const isKind = (text: string): text is Kind => (kinds as readonly string[]).includes(text)

/** What a router does to the traffic of the host behind it. */
export interface RouterRules {
  /** Of the host behind it. */
  hostAddress: string
  /** A router of a kind that has one: all but `open`. */
  kind: Kind | 'cone'
  /** New random ports for all mappings made from now on, whatever the kind. */
  randomPorts?: boolean
}

const unsolicited: Partial<Record<Kind, string>> = {
  'full-cone': 'iifname "wan" ct state new meta l4proto tcp drop',
}

const outward: Partial<Record<Kind, string>> = {
  'udp-dropped': 'meta l4proto udp drop',
  'tcp-443': 'ct state established,related accept; iifname "lan" tcp dport 443 accept; drop',
  'http-proxy': 'drop',
}

/**
 * The whole rule set of a router with interfaces `lan` and `wan`, for `nft -f`. What belongs to no connection that the
 * router knows is dropped: else a packet of a forgotten connection would leave with its private address.
 */
export function routerRules({ hostAddress, kind, randomPorts = kind === 'symmetric' }: RouterRules): string {
  const forwarded = kind === 'full-cone' ? `iifname "wan" udp dport 1024-65535 dnat ip to ${hostAddress}` : ''
  return `flush ruleset
table inet lab {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state invalid drop
    ${unsolicited[kind] ?? 'iifname "wan" ct state new drop'}
    ${outward[kind] ?? ''}
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wan" ct state new drop
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ${forwarded}
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname "wan" meta nfproto ipv4 masquerade${randomPorts ? ' random,fully-random' : ''}
  }
}
`
}
