import * as z from 'zod/mini'
import { millisField } from '../fields.ts'

const count = z.int().check(z.nonnegative())

/** `GET /v1/health` */
export const healthReply = z.looseObject({
  /** When the newest data was taken, unix milliseconds. */
  asOf: millisField,
  /** Age of the oldest lease counted, milliseconds. */
  ageMs: count,
  regions: z.array(
    z.looseObject({ region: z.string(), members: count, online: count, relays: count, relaysLeased: count }),
  ),
  services: z.array(
    z.looseObject({ service: z.string(), region: z.string(), members: count, online: count }),
  ),
})
export type HealthReply = z.output<typeof healthReply>
