/**
 * The API of a running agent, relay or control plane on its local socket (`DIR/agent.sock`, mode 0600), HTTP + JSON:
 * `GET /v1/status|peers|services|tuning`, `POST /v1/call|call-all|ping|path`, `POST /v1/stream` (local-stream.ts), and
 * `POST /v1/publish|subscribe` (local-topics.ts). A process that may open the socket speaks for the member. Errors are problem details, as on the control plane.
 */
import * as z from 'zod/mini'
import { callExplanationSchema } from './call-explanation.ts'
import { longestDurationMs } from './duration.ts'
import { isErrorCode } from './errors.ts'
import { fieldForms } from './field-forms.ts'

const millis = z.number().check(z.nonnegative())
const count = z.int().check(z.nonnegative())

export const localPathSchema = z.enum(['direct', 'webrtc', 'relay'])
export const localKindSchema = z.enum(['agent', 'relay', 'control-plane'])

/** ms. */
const timeoutField = z.optional(z.int().check(z.minimum(1), z.maximum(longestDurationMs)))
/** `name` or peer id. */
const memberField = z.string().check(z.minLength(1), z.maxLength(128))
const methodField = z.string().check(z.regex(fieldForms.method.pattern, { error: fieldForms.method.not }))

/** Levels of checks: those of later versions are unknown here, and shown as they are. */
const checkSchema = z.looseObject({
  name: z.string(),
  /** `passing`, `warning`, `failing` (then the process is not ready), `unknown`: it has not run yet. */
  level: z.string(),
  /** Why; for every level but passing. */
  reason: z.optional(z.string()),
  /** Since when it has this level, unix milliseconds. */
  since: millis,
  /** Whether it changed too often of late: its bad level stays until it is calm. */
  damped: z.optional(z.boolean()),
})
export type LocalCheck = z.output<typeof checkSchema>

/** What the process did to recover without help. */
const actSchema = z.looseObject({
  /** The last time, unix milliseconds. */
  at: millis,
  /** The part that acted. */
  supervisor: z.string(),
  /** The stable name of what it did; processes of earlier versions name none. */
  event: z.optional(z.string()),
  act: z.string(),
  /** How often in a row. */
  times: count,
})
export type LocalAct = z.output<typeof actSchema>

/** Of the process itself. */
const loadSchema = z.looseObject({
  rssBytes: count,
  heapBytes: count,
  /** How late the event loop was at the last look. */
  loopDelayMs: millis,
  /** Handlers that run or wait. */
  calls: count,
})

export const localStatusReply = z.looseObject({
  kind: localKindSchema,
  version: z.string(),
  pid: count,
  /** Unix milliseconds. */
  startedAt: millis,
  meshId: z.string(),
  /** Absent for a control plane: it is no member. */
  peerId: z.optional(z.string()),
  name: z.optional(z.string()),
  region: z.optional(z.string()),
  /** Whether it can do its work now; `warnings` says what is wrong. */
  ready: z.boolean(),
  /** Whether the membership of this member ended; absent for a control plane. */
  revoked: z.optional(z.boolean()),
  /** How it ended: `revoked`, `removed` or `replaced`; absent while it is in force. */
  ended: z.optional(z.string().check(z.maxLength(32))),
  warnings: z.array(z.string()),
  /** Absent from processes of older versions. */
  checks: z.optional(z.array(checkSchema)),
  /** The newest acts of recovery, the oldest first. */
  acts: z.optional(z.array(actSchema)),
  load: z.optional(loadSchema),
  /** `reachable`: it answered last; `refused`: with this error code; `unreachableSince`: unix ms of the first request without an answer. */
  controlPlane: z.optional(
    z.looseObject({
      url: z.string(),
      reachable: z.boolean(),
      refused: z.optional(z.string()),
      unreachableSince: z.optional(millis),
    }),
  ),
  /** Home first, then standby. */
  relays: z.array(
    z.looseObject({
      peerId: z.string(),
      name: z.optional(z.string()),
      reserved: z.boolean(),
      rttMs: z.optional(millis),
    }),
  ),
  /** Addresses that it publishes; with `--announce`, or listening on all interfaces, not those it listens on. */
  addrs: z.array(z.string()),
  /** What it serves, `name@version`. */
  services: z.array(z.string()),
  members: z.looseObject({ known: count, online: count }),
  links: z.looseObject({ direct: count, webrtc: count, relay: count }),
  /** Where relays see its TCP connections come from, and whether they all see the same. */
  observed: z.optional(
    z.looseObject({ mapping: z.enum(['stable', 'varies', 'unknown']), addrs: z.array(z.string()) }),
  ),
  /** Unix milliseconds. */
  credentialExpires: z.optional(millis),
})
export type LocalStatus = z.output<typeof localStatusReply>

export const localPeerSchema = z.looseObject({
  peerId: z.string(),
  name: z.string(),
  kind: z.enum(['agent', 'relay']),
  online: z.boolean(),
  /** Source: the own link, then the membership protocol, then the lease of its relay. */
  source: z.enum(['link', 'swim', 'lease', 'none']),
  /** Of a member that is offline: when it was last known to be online, unix milliseconds. */
  lastSeen: z.optional(millis),
  /** Of the best link, when there is one. */
  path: z.optional(localPathSchema),
  rttMs: z.optional(millis),
  /** Without a measured one: the sum of the round trips of both to a relay. */
  estimatedRttMs: z.optional(millis),
  region: z.optional(z.string()),
  services: z.array(z.string()),
})
export type LocalPeer = z.output<typeof localPeerSchema>
export const localPeersReply = z.looseObject({ peers: z.array(localPeerSchema) })

export const localServiceSchema = z.looseObject({
  /** `name@version` */
  service: z.string(),
  providers: z.array(z.looseObject({ peerId: z.string(), name: z.string(), online: z.boolean() })),
})
export type LocalService = z.output<typeof localServiceSchema>
export const localServicesReply = z.looseObject({ services: z.array(localServiceSchema) })

const base64 = z.refine<string>(text => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), {
  error: 'is not base64',
})
const bytesField = z.optional(z.string().check(base64))

/** A value of a call or of a stream: JSON, raw bytes as base64, or both. */
export const localValueFields = { value: z.optional(z.unknown()), bytes: bytesField }

export const localCallFields = {
  method: methodField,
  /** Name of the program, for logs and audit at both ends. */
  app: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
  params: z.optional(z.unknown()),
  /** Raw bytes, base64: the params, or what follows them. */
  bytes: bytesField,
  /** The member to call; absent: any provider. */
  peer: z.optional(memberField),
  timeoutMs: timeoutField,
}

export const localCallRequest = z.strictObject({
  ...localCallFields,
  /** Running it twice does no harm: it may be repeated after its link broke. */
  idempotent: z.optional(z.boolean()),
  /** Whether the reply, or the details of the error, say why it went where it went. */
  explain: z.optional(z.boolean()),
})
export type LocalCallRequest = z.output<typeof localCallRequest>

export const localCallReply = z.looseObject({
  ...localValueFields,
  peerId: z.string(),
  name: z.optional(z.string()),
  path: z.optional(localPathSchema),
  /** From request to reply, with retries. */
  ms: millis,
  explanation: z.optional(callExplanationSchema),
})
export type LocalCallReply = z.output<typeof localCallReply>

export const localCallAllRequest = z.strictObject({
  method: methodField,
  params: z.optional(z.unknown()),
  bytes: bytesField,
  timeoutMs: timeoutField,
  idempotent: z.optional(z.boolean()),
  /** Asks members that are believed offline, too. */
  offline: z.optional(z.boolean()),
})
export type LocalCallAllRequest = z.output<typeof localCallAllRequest>

const member = { peerId: z.string(), name: z.optional(z.string()) }
export const localCallAllReply = z.looseObject({
  results: z.array(
    z.union([
      z.looseObject({ ...member, ok: z.literal(true), ...localValueFields }),
      z.looseObject({
        ...member,
        ok: z.literal(false),
        error: z.looseObject({
          code: z.string().check(z.refine(isErrorCode, { error: 'is not an error code' })),
          message: z.string(),
        }),
      }),
    ]),
  ),
  /** Providers not asked, as they are believed offline. */
  skipped: z.optional(count),
})
export type LocalCallAllReply = z.output<typeof localCallAllReply>

export const localPingRequest = z.strictObject({ peer: memberField, timeoutMs: timeoutField })
export type LocalPingRequest = z.output<typeof localPingRequest>
export const localPingReply = z.looseObject({
  peerId: z.string(),
  name: z.optional(z.string()),
  path: localPathSchema,
  rttMs: millis,
  /** Every link to the member, best first; absent round trip: no answer in time. */
  links: z.optional(z.array(z.looseObject({ path: localPathSchema, rttMs: z.optional(millis) }))),
})
export type LocalPingReply = z.output<typeof localPingReply>

export const localPathRequest = z.strictObject({
  /** The member to reach. */
  peer: memberField,
  /** The member that reaches it; absent: the answering agent. */
  from: z.optional(memberField),
  timeoutMs: timeoutField,
})
export type LocalPathRequest = z.output<typeof localPathRequest>

/** `POST /v1/confirm-clock`, of a control plane: its clock is right, and the time of its store is not. */
export const localConfirmClockRequest = z.strictObject({ timeoutMs: timeoutField })
export const localConfirmClockReply = z.looseObject({
  /** Time of its clock, unix milliseconds. */
  now: millis,
})
export type LocalConfirmClockReply = z.output<typeof localConfirmClockReply>

/** `POST /v1/rotate-key`, of a control plane. */
export const localRotateKeyRequest = z.strictObject({
  /** The current keys were stolen: nothing they signed counts any more. */
  revoke: z._default(z.boolean(), false),
  timeoutMs: timeoutField,
})
export type LocalRotateKeyRequest = z.input<typeof localRotateKeyRequest>
export const localRotateKeyReply = z.looseObject({
  /** Thumbprint of the new key. */
  kid: z.string(),
  /** When it begins to sign, unix milliseconds. */
  signsAt: millis,
  /** Thumbprints of the keys that are revoked by it. */
  revoked: z.array(z.string()),
})
export type LocalRotateKeyReply = z.output<typeof localRotateKeyReply>
