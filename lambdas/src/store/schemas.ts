import { migrations as postgres } from './postgres/schema.ts'
import { migrations as sqlite } from './sqlite/schema.ts'

/** Versions of the schemas that this build reads and writes; it brings an older database up to them. */
export const schemaVersions = { sqlite: sqlite.length, postgres: postgres.length } as const
