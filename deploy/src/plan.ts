/** The steps of a deployment, as data: which units are replaced together, and in which order. */
import { roles, type Build, type Unit } from './target.ts'

export interface Wave {
  /** For the operator: `agent agent-3, agent-4`. */
  readonly title: string
  readonly units: readonly Unit[]
}

/** Agents that are replaced together: many enough that a large mesh is soon done, so few that a broken build hurts few. */
const shareOfAgents = 0.1

/**
 * Relays one by one, then control planes one by one, then agents by a tenth of them.
 * @param running what each unit runs: units that have the build already are in no wave
 */
export function wavesOf(units: readonly Unit[], build: Build, running: ReadonlyMap<string, string>): Wave[] {
  return roles.flatMap(role => {
    const all = units.filter(unit => unit.role === role)
    const size = role === 'agent' ? Math.max(1, Math.ceil(all.length * shareOfAgents)) : 1
    const old = all.filter(({ name }) => running.get(name) !== build[role])
    return Array.from({ length: Math.ceil(old.length / size) }, (_, i) => {
      const together = old.slice(i * size, (i + 1) * size)
      return { title: `${role} ${together.map(({ name }) => name).join(', ')}`, units: together }
    })
  })
}
