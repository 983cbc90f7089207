import { describe } from 'vitest'
import { pythonTools } from '../python.ts'

const reason = await pythonTools().then(
  () => undefined,
  (error: unknown) => `the emulator cannot be installed: ${String(error).split('\n')[0]}`,
)
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason)
if (reason !== undefined) console.log(`skipped: ${reason}`)

/** Skips with a printed reason where Python is missing; in CI that fails. */
export const describeCloud = reason === undefined ? describe : describe.skip
