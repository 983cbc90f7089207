/** What distinguishes the kinds of network, as plain sockets see it. */
import type { Kind } from '../kinds.ts'

/**
 * The outer address of one socket towards two servers: `kept` is the same with the inner port, `same` the same with
 * another port, `changing` differs between them, `blocked`: nothing comes back.
 */
export type Mapping = 'kept' | 'same' | 'changing' | 'blocked'

export interface Facts {
  udp: Mapping
  /** From a host that was sent to, but another port of it. */
  udpFromOtherPort: boolean
  /** From a host that was never sent to. */
  udpFromOtherHost: boolean
  /** To port 443. */
  tcp: Mapping
  /** To ports other than 443. */
  tcpOtherPorts: boolean
  /** What who dials in meets. */
  tcpIn: 'connected' | 'refused' | 'silent' | 'unknown'
  /** Ports that a proxy connects to. */
  proxied: 'none' | '443' | 'all'
}

const closed: Omit<Facts, 'tcp' | 'tcpOtherPorts'> = {
  ...{ udp: 'blocked' as const, udpFromOtherPort: false, udpFromOtherHost: false },
  ...{ tcpIn: 'silent' as const, proxied: 'none' as const },
}
const cone: Facts = { ...closed, udp: 'kept', tcp: 'kept', tcpOtherPorts: true }

export const expectedFacts: Readonly<Record<Kind, Facts>> = {
  open: { ...cone, udpFromOtherPort: true, udpFromOtherHost: true, tcpIn: 'connected' },
  'full-cone': { ...cone, udpFromOtherPort: true, udpFromOtherHost: true },
  cone,
  symmetric: { ...cone, udp: 'changing', tcp: 'changing' },
  'udp-dropped': { ...cone, udp: 'blocked' },
  'tcp-443': { ...closed, tcp: 'kept', tcpOtherPorts: false },
  'double-nat': cone,
  'http-proxy': { ...closed, tcp: 'blocked', tcpOtherPorts: false, proxied: '443' },
}

/** What differs, as `udp is kept, not blocked`. */
export const differences = (found: Facts, expected: Facts): string[] =>
  (Object.keys(expected) as (keyof Facts)[])
    .filter(name => found[name] !== expected[name])
    .map(name => `${name} is ${String(found[name])}, not ${String(expected[name])}`)
