import type { z } from 'zod'

/** What a command with `--json` answered: the last line of its stdout. @throws Error for another one */
export const answer = <T>(schema: z.ZodType<T>, stdout: string): T =>
  schema.parse(JSON.parse(stdout.split('\n').at(-1) ?? ''))
