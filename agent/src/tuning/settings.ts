/** The option `tuning`: off, on, or on but for settings that the program pins. */
import { MeshError, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { cacheAdmissions } from '../services/cache/admission.ts'
import { cacheDefaults } from '../services/cache/defaults.ts'

const pinsSchema = z.strictObject({
  /** ms after which a call with `hedge: true` is sent again. */
  hedgeDelay: z.optional(z.number().check(z.minimum(1), z.maximum(60_000))),
  /** Bytes of the answers that are kept, at most `cache.maxBytes`. */
  cacheSize: z.optional(
    z.int().check(z.minimum(cacheDefaults.leastBytes), z.maximum(cacheDefaults.mostBytes)),
  ),
  /** `all`: each new answer takes the room of old ones; `frequency`: one that is asked for more often than they are. */
  cacheAdmission: z.optional(z.enum(cacheAdmissions)),
  /** Whether bodies on slow paths are compressed. */
  compression: z.optional(z.boolean()),
})

/** Settings that stay as the program says. */
export type TuningPins = z.input<typeof pinsSchema>
/** false: the defaults stay; `{ hedgeDelay: 20 }`: all others are tuned. @default true */
export type TuningOption = boolean | TuningPins

export interface TuningSettings {
  readonly isOn: boolean
  readonly pins: TuningPins
}

/** @throws MeshError `invalid_argument` */
export function parseTuning(option: TuningOption = true): TuningSettings {
  if (typeof option === 'boolean') return { isOn: option, pins: {} }
  if (typeof option !== 'object' || option === null)
    throw new MeshError('invalid_argument', `Cannot start: tuning is ${String(option)}`, {
      hint: 'Use true, false, or settings to pin: { hedgeDelay: 20 }.',
    })
  return { isOn: true, pins: parse(pinsSchema, option, 'start: tuning') }
}
