/** What `netcheck` measured; findings.ts says what it means. */
import type { NatMapping } from '../../transport/index.ts'

/** Milliseconds, or why not. */
export type Measured = { ok: true; ms: number } | { ok: false; error: string }

export interface RelayFacts {
  peerId: string
  name: string
  region?: string
  /** Each address listed for TCP or WebSockets. */
  addrs: ({ addr: string } & Measured)[]
  /** Each STUN address. */
  stun: ({ addr: string; mapped?: string } & Measured)[]
}

/** Of one IP family. */
export interface UdpFacts {
  /** STUN servers asked; 0: none is known, so nothing is known about UDP. */
  asked: number
  answered: number
  /** `unknown`: no server was asked. */
  mapping: NatMapping | 'unknown'
  /** Where servers saw this host, if they agree. */
  mapped?: string
}

export interface NetworkFacts {
  /** Addresses others on the LAN may use. */
  addresses: string[]
  ip4: boolean
  ip6: boolean
  /** Without password. */
  proxy?: string
  controlPlane?: { url: string } & Measured
  relays: RelayFacts[]
  udp4: UdpFacts
  udp6: UdpFacts
  /** What the relays of the running agent saw of its TCP connections. */
  tcp?: { mapping: 'stable' | 'varies' | 'unknown'; addrs: string[] }
  /** The whole check, milliseconds. */
  ms: number
}
