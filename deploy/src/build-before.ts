/** What a deployment goes back to when it fails. */
import { MeshError } from '@agent-mesh/protocol/errors'

import type { History } from './history.ts'
import { roles, type Build, type Unit } from './target.ts'

/**
 * The build that passed its smoke test last; where none did, that of a mesh which was started by hand.
 * @param running what each unit runs
 * @returns undefined: nothing runs, or only what a first deployment left that did not end
 * @throws MeshError conflict for a part of a mesh that was started by hand
 */
export function buildBefore(
  history: Pick<History, 'entries' | 'last' | 'proven'>,
  units: readonly Unit[],
  running: ReadonlyMap<string, string>,
): Build | undefined {
  if (history.proven !== undefined) return history.proven
  const runs = units.filter(({ name }) => running.has(name))
  if (runs.length === 0 || isLeft(history, runs, running)) return undefined
  const builds = roles.map(role => {
    // A role without units is replaced with the others.
    const unit =
      runs.find(it => it.role === role) ?? (units.some(it => it.role === role) ? undefined : runs[0])
    return [role, running.get(unit?.name ?? '')] as const
  })
  const missing = builds.flatMap(([role, build]) => (build === undefined ? [role] : []))
  if (missing.length === 0) return Object.fromEntries(builds) as Build
  throw new MeshError(
    'conflict',
    `Cannot deploy: ${runs.map(({ name }) => name).join(', ')} run without a deployment, and no ${missing.join(' and no ')} does`,
    { hint: 'Start the rest, to update the mesh, or stop what runs, to begin a new one.' },
  )
}

/** Whether what runs is of first deployments that were killed, or that could not be undone. One that was undone left nothing. */
function isLeft(
  { entries, last }: Pick<History, 'entries' | 'last'>,
  runs: readonly Unit[],
  running: ReadonlyMap<string, string>,
): boolean {
  if (last === undefined || last.outcome === 'rolled back') return false
  const tried = entries.map(({ build }) => build)
  return runs.every(({ name, role }) => tried.some(build => build[role] === running.get(name)))
}
