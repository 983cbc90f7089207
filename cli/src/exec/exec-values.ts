/** What the service `exec` takes and gives, at both ends. */
import * as z from 'zod/mini'

const word = z.string().check(
  z.maxLength(8_192),
  z.refine(text => !text.includes('\0'), { error: 'has a NUL in it' }),
)

export const execRequest = z.object({
  /** Program, then its arguments. */
  command: z.array(word).check(z.minLength(1), z.maxLength(256)),
})

export const execEnd = z.looseObject({
  /** Exit code. */
  code: z.optional(z.int()),
  /** The signal that ended it. */
  signal: z.optional(z.string().check(z.maxLength(32))),
})
export type ExecEnd = z.output<typeof execEnd>
