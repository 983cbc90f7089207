/** What a member is started with, checked once. */
import { labelField, MeshError, nameField, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { defaults } from './defaults.ts'

const listenField = z.string().check(
  z.maxLength(128),
  z.regex(/^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/ws)?$/, {
    error: 'is not a TCP or WebSocket address (/ip4/0.0.0.0/tcp/4001, /ip4/0.0.0.0/tcp/443/ws)',
  }),
)
const announceField = z.string().check(
  z.maxLength(128),
  z.regex(/^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/ws|\/wss|\/tls\/ws)?$/, {
    error: 'is not a TCP or WebSocket address (/dns4/relay.example.com/tcp/443/wss)',
  }),
)

const proxyField = z.object({
  /** `http://[USER:PASSWORD@]HOST:PORT` */
  url: z.string().check(z.minLength(1), z.maxLength(2048)),
  /** Hosts reached without it, as in NO_PROXY. */
  noProxy: z.optional(z.string().check(z.maxLength(16_384))),
})

const mdnsField = z.object({
  /** UDP port. @default 5353 */
  port: z.optional(z.int().check(z.minimum(1), z.maximum(65_535))),
  /** Names of interfaces. @default all with a private address, but bridges to containers */
  interfaces: z.optional(z.array(z.string().check(z.maxLength(64))).check(z.maxLength(8))),
})

const optionsSchema = z.object({
  /** Data folder: identity, credential, map. Created when missing, 0700. */
  data: z.string().check(z.minLength(1)),
  /** Join token; needed only for the first start. A data folder that is enrolled starts whatever it is. */
  join: z.optional(z.string()),
  /** Joins as soon as the control plane answers, instead of failing when it does not. @default false */
  wait: z._default(z.boolean(), false),
  /** Wanted name. @default the host name */
  name: z.optional(nameField),
  region: z.optional(labelField),
  zone: z.optional(labelField),
  /** TCP and WebSocket (`…/ws`) addresses to listen on; port 0 takes a free one; empty: dials only. */
  listen: z._default(z.array(listenField).check(z.maxLength(8)), ['/ip4/0.0.0.0/tcp/0']),
  /** Addresses told to others instead of those listened on. */
  announce: z.optional(z.array(announceField).check(z.maxLength(8))),
  /** Calls that run when it stops have this long to end, ms. @default 8,000 */
  drain: z._default(z.number().check(z.minimum(0), z.maximum(86_400_000)), defaults.drainMs),
  /** HTTP proxy for the control plane and for relays that listen on a WebSocket. */
  proxy: z.optional(proxyField),
  /** Finds members on the LAN by multicast DNS, and is found. @default false */
  mdns: z._default(z.union([z.boolean(), mdnsField]), false),
})

export type MemberOptions = z.input<typeof optionsSchema>
/** The mDNS settings, or undefined when it is off. */
export type MdnsOptions = z.output<typeof mdnsField>

export type MemberSettings = z.output<typeof optionsSchema>

/** @throws MeshError invalid_argument */
export const parseMemberOptions = (options: MemberOptions): MemberSettings =>
  parse(optionsSchema, options, 'start')

/** Paths an agent dials. */
export type PathChoice = 'any' | 'relay'

/** @throws MeshError invalid_argument */
export function parsePaths(paths: string | undefined): PathChoice {
  if (paths === undefined || paths === 'any' || paths === 'relay') return paths ?? 'any'
  throw new MeshError('invalid_argument', `Cannot start: paths is ${paths}`, { hint: 'Use any or relay.' })
}
