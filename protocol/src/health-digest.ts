/**
 * What members report of their health beside presence. Agents send a {@link HealthDigest} to their home when it changed; the relay
 * sums up those of its agents in its own report. Tuples instead of objects: a lease with the load of 25 services still takes one
 * write unit of DynamoDB.
 */
import * as z from 'zod/mini'
import { labelField, nameField, serviceRefField } from './fields.ts'
import { limits } from './limits.ts'

const count = z.int().check(z.nonnegative())
/** Share of what is possible, in percent. */
const percent = z.int().check(z.minimum(0), z.maximum(100))
/** Name of a health check. */
const checkName = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: 'is not the name of a check' }))
const troubled = z.enum(['warning', 'failing'])

/** Of one agent, to its home relay. */
export const healthDigest = z.looseObject({
  /** Whether it accepts new calls: false while it leaves. */
  serving: z.boolean(),
  /** Whether all its checks pass or warn. */
  ready: z.boolean(),
  /** The checks that do not pass, by name. */
  checks: z.array(z.tuple([checkName, troubled])).check(z.maxLength(limits.digestChecks)),
  /** Of each service that it serves: saturation in percent, wait for a turn in ms, calls shed a minute. */
  load: z.array(z.tuple([serviceRefField, percent, count, count])).check(z.maxLength(limits.services)),
})
export type HealthDigest = z.output<typeof healthDigest>

/**
 * Of a service at the agents of one relay: those that serve it, those of them that are ready, those that report their load; then their
 * mean saturation in percent, the longest mean wait for a turn in ms, and calls shed a minute by all of them.
 */
export const reportedLoad = z.tuple([serviceRefField, count, count, count, percent, count, count])
export type ReportedLoad = z.output<typeof reportedLoad>

/** A check that does not pass at agents of one relay: at how many, and the names of some. */
export const reportedCheck = z.tuple([
  checkName,
  troubled,
  count,
  z.array(nameField).check(z.maxLength(limits.namedMembers)),
])
export type ReportedCheck = z.output<typeof reportedCheck>

/** What a relay says of its agents; `region` is its own. */
export const agentsHealth = {
  region: z.optional(labelField),
  services: z.optional(z.array(reportedLoad).check(z.maxLength(limits.reportedServices))),
  checks: z.optional(z.array(reportedCheck).check(z.maxLength(limits.reportedChecks))),
}
