import * as z from 'zod/mini'

const count = z.int().check(z.nonnegative())

/** `GET /v1/scaling?service=`: always 200 for a caller that may read it, also while nothing is known. */
export const scalingReply = z.looseObject({
  service: z.string(),
  /** As asked for. @default all */
  region: z.optional(z.string()),
  /** Members that serve it, without those that leave. */
  current: count,
  /** Those whose checks do not fail. */
  ready: count,
  /** How many there should be, 1 or more. */
  desired: z.int().check(z.positive()),
  /** Mean over the members that report it, 0 to 1. */
  saturation: z.number().check(z.minimum(0), z.maximum(1)),
  /** The saturation that `desired` aims at. */
  target: z.number(),
  /** Longest mean wait of calls for their turn. */
  queueMs: count,
  shedPerSecond: z.number().check(z.nonnegative()),
  /** Agents report means over so long. */
  windowSeconds: count,
  /** Age of the oldest report counted. */
  ageSeconds: count,
  /** The reports are too old, or there are none: `desired` is held. */
  stale: z.boolean(),
  /** Why `desired` is what it is, for people. */
  reason: z.string(),
})
export type ScalingReply = z.output<typeof scalingReply>
