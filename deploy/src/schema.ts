/** Whether two builds share a database: each reads the schemas up to its own, and brings an older one up to it. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { z } from 'zod'

/** Version of the schema that a build writes, by the kind of store: what `agent-mesh admin schema --json` prints. */
export const schemaSchema = z.record(z.string(), z.int().nonnegative())

export type Schema = z.infer<typeof schemaSchema>

/**
 * @param wanted of the build to deploy @param before of the one that runs; undefined: it does not say
 * @param migrate the operator accepts a newer schema, from which only a backup leads back
 * @returns whether they were compared: both say
 * @throws MeshError unsupported for an older schema, or for a newer one that was not accepted
 */
export function checkSchema(
  wanted: Schema | undefined,
  before: Schema | undefined,
  migrate: boolean,
): boolean {
  if (wanted === undefined || before === undefined) return false
  for (const [kind, now] of Object.entries(before)) {
    const next = wanted[kind] ?? now
    if (next < now)
      throw new MeshError(
        'unsupported',
        `Cannot deploy: it reads schema ${next} of ${kind}, and the database has ${now}`,
        { hint: 'Restore the backup that was made before the schema changed: docs/stores.md.' },
      )
    if (next > now && !migrate)
      throw new MeshError(
        'unsupported',
        `Cannot deploy: it changes schema ${now} of ${kind} to ${next}, which what runs does not read: there is no way back but a backup`,
        { hint: 'Deploy with --migrate to accept that.' },
      )
  }
  return true
}
