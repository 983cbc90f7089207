/** Whether a build may take the place of another: what leads back, and which database both read. */
import { toMeshError } from '@agent-mesh/protocol/errors'

import { checkSchema } from './schema.ts'
import { roles, type Build, type Target } from './target.ts'

export interface ReplacementInit {
  target: Target
  /** Accepts a schema of the database that what runs does not read. */
  migrate: boolean
  /** To a build of the history: what runs may be a release that was withdrawn since. */
  isRollback: boolean
  signal: AbortSignal
}

/**
 * @returns what the operator should know, a line each
 * @throws MeshError where what runs could not be put back, but not for a rollback; unsupported as {@link checkSchema}
 */
export async function checkReplacement(
  init: ReplacementInit,
  build: Build,
  before: Build,
): Promise<string[]> {
  const { target, signal, migrate } = init
  const noWayBack = await withoutWayBack(init, build, before)
  const [wanted, now] = [await target.schema?.(build, signal), await target.schema?.(before, signal)]
  const isCompared = checkSchema(wanted, now, migrate)
  return [
    ...noWayBack,
    ...(target.notes?.(build, before) ?? []),
    ...(isCompared ? [] : ['the schemas of the database were not compared: read the notes of the release']),
  ]
}

/** @returns why there is none, to a rollback */
async function withoutWayBack(
  { target, signal, isRollback }: ReplacementInit,
  build: Build,
  before: Build,
): Promise<string[]> {
  if (roles.every(role => build[role] === before[role])) return []
  try {
    await target.checkWayBack?.(before, signal)
    return []
  } catch (error) {
    signal.throwIfAborted()
    if (!isRollback) throw error
    return [toMeshError(error, 'internal', 'find the way back').message]
  }
}
