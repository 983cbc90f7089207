/** What a program passes when it adds a check, read once. */
import { MeshError, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { CheckThresholds } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

const nameField = z
  .string()
  .check(
    z.regex(/^[a-z][a-z0-9._-]{0,62}$/, { error: 'is not the name of a check (1-63 of a-z, 0-9, . _ -)' }),
  )
const longestMs = 86_400_000
const row = z.int().check(z.minimum(1), z.maximum(1_000))

const optionsSchema = z.strictObject({
  /** Between two runs, ms. @default 10,000 */
  everyMs: z._default(z.number().check(z.minimum(100), z.maximum(longestMs)), healthDefaults.everyMs),
  /** A run that takes longer fails, ms. @default 1,000 */
  timeoutMs: z._default(z.number().check(z.minimum(1), z.maximum(longestMs)), healthDefaults.timeoutMs),
  /** Bad results in a row before the check fails. @default 3 */
  failAfter: z._default(row, healthDefaults.failAfter),
  /** Good results in a row before it passes again. @default 2 */
  passAfter: z._default(row, healthDefaults.passAfter),
})

export type CheckOptions = z.input<typeof optionsSchema>
export type CheckSettings = z.output<typeof optionsSchema> & CheckThresholds

/**
 * A check of the program. It passes when it returns nothing, warns when it returns a text, and fails when it throws; the text, or the
 * message of the error, is shown by `status`, `/ready` and `doctor`. `signal` aborts when the time is over.
 */
export type CheckFunction = (context: {
  signal: AbortSignal
}) => string | undefined | void | Promise<string | undefined | void>

/** @throws MeshError invalid_argument */
export function parseCheck(name: unknown, fn: unknown, options: unknown): CheckSettings {
  parse(nameField, name, 'add check')
  const settings = parse(optionsSchema, options ?? {}, `add check ${String(name)}`)
  if (typeof fn !== 'function')
    throw new MeshError('invalid_argument', `Cannot add check ${String(name)}: it has no function to run`, {
      hint: 'Pass a function that throws when something is wrong.',
    })
  return settings
}
