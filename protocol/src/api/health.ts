import * as z from 'zod/mini'
import { millisField } from '../fields.ts'

const count = z.int().check(z.nonnegative())

/** Members of a region or a service, by their presence. */
const presence = {
  members: count,
  /** Attested by a relay whose lease is alive; a relay by its own lease. */
  online: count,
  /** Attested by a relay that has not reported in time: not known. */
  stale: count,
}

const load = z.looseObject({ agents: count, reservations: count, visitors: count })

export const regionHealth = z.looseObject({
  region: z.string(),
  ...presence,
  /** Relays in the map, and those of them whose lease is alive. */
  relays: count,
  relaysLeased: count,
  /** Sum of the last reports of relays whose lease is alive. */
  load,
  /** Age of the oldest living lease, milliseconds. */
  ageMs: count,
})
export type RegionHealth = z.output<typeof regionHealth>

/** A step of the history: the health of the regions at its start. */
export const healthStep = z.looseObject({ at: millisField, regions: z.array(regionHealth) })
export type HealthStep = z.output<typeof healthStep>

/** `GET /v1/health` */
export const healthReply = z.looseObject({
  /** When the newest data was taken, unix milliseconds. */
  asOf: millisField,
  /** Age of the oldest lease counted, milliseconds. */
  ageMs: count,
  regions: z.array(regionHealth),
  services: z.array(z.looseObject({ service: z.string(), region: z.string(), ...presence })),
  /** Checks that do not pass at members; `of` has the names of some. Those of earlier versions report none. */
  checks: z.optional(
    z.array(
      z.looseObject({
        check: z.string(),
        region: z.string(),
        level: z.enum(['warning', 'failing']),
        members: count,
        of: z.array(z.string()),
      }),
    ),
  ),
  /** Least round trip between relays of two regions, milliseconds, as the relays of `from` last reported. */
  latency: z.array(z.looseObject({ from: z.string(), to: z.string(), ms: count })),
  /** Steps of five minutes, oldest first; only when asked for with `?history=HOURS`. */
  history: z.optional(z.array(healthStep)),
})
export type HealthReply = z.output<typeof healthReply>
