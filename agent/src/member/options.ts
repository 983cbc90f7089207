/** What a member is started with, checked once. */
import { labelField, MeshError, nameField, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { OwnedFolder } from '../identity/index.ts'
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { WebCertificate } from '../transport/wires/web-certificate.ts'
import { announceField, listenField } from './address-options.ts'
import { memberDefaults } from './defaults.ts'
import { checkNames, checkOptions } from '../core/option-names.ts'

const proxyField = z.object({
  /** `http://[USER:PASSWORD@]HOST:PORT` */
  url: z.string().check(z.minLength(1), z.maxLength(2048)),
  /** Hosts reached without it, as in NO_PROXY. */
  noProxy: z.optional(z.string().check(z.maxLength(16_384))),
})

const certificateField = z.object({
  /** PEM file of the certificate and its issuers; read anew when it changes. */
  cert: z.string().check(z.minLength(1), z.maxLength(4096)),
  /** PEM file of its key. */
  key: z.string().check(z.minLength(1), z.maxLength(4096)),
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
  /**
   * Removed from the map when it stops, and 10 minutes after it went offline; it joins as such. For programs that run for a while.
   * @default false
   */
  ephemeral: z._default(z.boolean(), false),
  /** `auto`: found in the environment (`AWS_REGION`), or asked of the metadata service of EC2, with the zone. @default none */
  region: z.optional(labelField),
  /** Within the region. @default none */
  zone: z.optional(labelField),
  /**
   * `HOST:PORT`, or TCP and WebSocket (`…/ws`, `…/wss`) multiaddrs, to listen on; port 0 takes a free one; empty: dials only.
   * `…/wss` needs a `certificate`, and is published by `announce` alone, with the name that the certificate is for.
   */
  listen: z._default(z.array(listenField).check(z.maxLength(8)), ['/ip4/0.0.0.0/tcp/0']),
  /** Addresses published instead of those listened on, in the same forms. */
  announce: z.optional(z.array(announceField).check(z.maxLength(8))),
  /** Calls that run when it stops have this long to end, ms. @default 8,000 */
  drain: z._default(z.number().check(z.minimum(0), z.maximum(86_400_000)), memberDefaults.drainMs),
  /**
   * A start waits so long for the first answer of the control plane, ms: it says whether the membership ended meanwhile.
   * @default 250
   */
  answer: z._default(z.number().check(z.minimum(0), z.maximum(60_000)), memberDefaults.firstAnswerMs),
  /** HTTP proxy for the control plane and for relays that listen on a WebSocket. */
  proxy: z.optional(proxyField),
  /** Certificate of the web, shown to those who connect at `/wss`. */
  certificate: z.optional(certificateField),
  /**
   * How soon silent members are found, and for how many bytes: `lan`, `edge`, `wan`, or `metered` where each byte costs. Others probe a
   * member that is `metered` as seldom as it probes them. @default 'edge'
   */
  preset: z._default(z.enum(['edge', 'lan', 'wan', 'metered']), 'edge'),
  /** Finds members on the LAN by multicast DNS, and is found. @default false */
  mdns: z._default(z.union([z.boolean(), mdnsField]), false),
})

export type MemberOptions = z.input<typeof optionsSchema>
/** The mDNS settings, or undefined when it is off. */
export type MdnsOptions = z.output<typeof mdnsField>

export type MemberSettings = z.output<typeof optionsSchema>

/** What agents and relays take beside their settings. */
export interface StartOptions extends MemberOptions {
  /** The data folder, when the caller owns it. @default owned until the member stops */
  folder?: OwnedFolder
  /** @default JSON lines on stderr, level warn */
  log?: Logger
  /** Gives up while starting; from then on it does nothing. */
  signal?: AbortSignal
  /** @default the clock of the machine */
  clock?: Clock
}

const startNames = ['folder', 'log', 'signal', 'clock']

/**
 * @param more names of the options that the kind of member adds
 * @throws MeshError invalid_argument, also for an option that there is not
 */
export function parseMemberOptions(options: StartOptions, more: readonly string[] = []): MemberSettings {
  checkOptions(options, [...Object.keys(optionsSchema.shape), ...startNames, ...more], 'start', true)
  checkNames(options.proxy, Object.keys(proxyField.shape), 'proxy.')
  checkNames(options.certificate, Object.keys(certificateField.shape), 'certificate.')
  checkNames(options.mdns, Object.keys(mdnsField.shape), 'mdns.')
  const settings = parse(optionsSchema, options, 'start')
  checkCertificate(settings)
  return settings
}

/** Looked at before anything is spent on a start. @throws MeshError invalid_argument */
function checkCertificate({ listen, certificate }: MemberSettings): void {
  const secure = listen.find(addr => /\/(?:wss|tls\/ws)$/.test(addr))
  if (certificate !== undefined) return void new WebCertificate(certificate)
  if (secure === undefined) return
  throw new MeshError('invalid_argument', `Cannot listen on ${secure}: there is no certificate`, {
    hint: 'Pass --tls-cert FILE and --tls-key FILE, or listen on /ws behind a proxy that ends TLS.',
  })
}

/** @throws MeshError cancelled when the start is given up */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new MeshError('cancelled', 'Cannot start: cancelled by the caller', { cause: signal.reason })
}

/** Paths an agent dials. */
export type PathChoice = 'any' | 'relay'

/** @throws MeshError invalid_argument */
export function parsePaths(paths: string | undefined): PathChoice {
  if (paths === undefined || paths === 'any' || paths === 'relay') return paths ?? 'any'
  throw new MeshError('invalid_argument', `Cannot start: paths is ${paths}`, { hint: 'Use any or relay.' })
}
