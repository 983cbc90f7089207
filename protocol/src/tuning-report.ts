/** What an agent tunes, and what it has changed: `agent.tuning()`, `GET /v1/tuning` of the local API. */
import * as z from 'zod/mini'

const millis = z.number().check(z.nonnegative())

export const tuningChangeSchema = z.looseObject({
  /** Unix ms. */
  at: millis,
  setting: z.string(),
  before: z.string(),
  after: z.string(),
  /** `trial`: it is judged; `kept`; `rolled back`: the p99 became worse. */
  outcome: z.enum(['trial', 'kept', 'rolled back']),
  /** What the shadow saw. */
  reason: z.string(),
  /** Of the agent's calls. */
  p99BeforeMs: millis,
  /** Of the last window that judged it. */
  p99AfterMs: z.optional(millis),
})
export type TuningChange = z.output<typeof tuningChangeSchema>

export const tuningReportSchema = z.looseObject({
  /** Whether settings are tuned at all. */
  on: z.boolean(),
  settings: z.array(
    z.looseObject({
      setting: z.string(),
      value: z.string(),
      /** `idle`: nothing asks for it yet; `shadow`: what another value would do is watched; `resting`: after a rollback. */
      state: z.enum(['off', 'pinned', 'idle', 'shadow', 'trial', 'resting']),
    }),
  ),
  /** The last first. */
  changes: z.array(tuningChangeSchema),
})
export type TuningReport = z.output<typeof tuningReportSchema>
