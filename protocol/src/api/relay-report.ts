import * as z from 'zod/mini'
import { labelField, millisField, peerIdField, recordField } from '../fields.ts'
import { headNumbersSchema } from '../head.ts'
import { agentsHealth } from '../health-digest.ts'
import { limits } from '../limits.ts'

const count = z.int().check(z.nonnegative())

/** `POST /v1/relays/self/report`: presence changes since the last acknowledged `seq`. */
export const relayReport = z.strictObject({
  /** Changes at each start of the relay; its older leases end. */
  epoch: z.string().check(z.regex(/^[\w-]{8,32}$/, { error: 'is not an epoch' })),
  /** 1, 2, 3… within the epoch; a repeated one is acknowledged, not applied again. */
  seq: z.int().check(z.positive()),
  /** `home+jws` of agents that came. */
  up: z.array(recordField).check(z.maxLength(limits.reportChanges)),
  /** Agents that went. */
  down: z.array(peerIdField).check(z.maxLength(limits.reportChanges)),
  load: z.strictObject({ agents: count, reservations: count, visitors: count }),
  health: z.strictObject({
    ready: z.boolean(),
    version: z.string().check(z.maxLength(64)),
    /** Of the agents homed here; only to a control plane whose replies say that it accepts them. */
    ...agentsHealth,
    /** Round trip to the relays of each region, milliseconds. */
    latency: z.optional(
      z.array(z.strictObject({ region: labelField, ms: count })).check(z.maxLength(limits.latencies)),
    ),
  }),
})
export type RelayReport = z.output<typeof relayReport>

export const relayReportReply = z.looseObject({
  seq: z.int().check(z.nonnegative()),
  /** End of the lease, unix milliseconds by the server's clock. */
  expires: millisField,
  numbers: headNumbersSchema,
  /** Reports may have `health.services` and `health.checks`; earlier versions refuse them. */
  agentsHealth: z.optional(z.boolean()),
})
