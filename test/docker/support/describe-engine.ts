import { describe } from 'vitest'
import { openEngine, type Engine } from './engine.ts'

const found = await openEngine().catch((error: unknown) => String(error))
const reason = typeof found === 'string' ? found : undefined
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason)
if (reason !== undefined) console.log(`skipped: ${reason}`)

/** The engine; only inside of {@link describeEngine}. */
export const engine = found as Engine

/** Skips with a printed reason where there is no engine; in CI that fails. */
export const describeEngine = reason === undefined ? describe : describe.skip
