/** Runs scenarios: each on a topology of its own, a few at a time, since they mostly wait. */
import { LabMesh } from './mesh.ts'
import type { Outcome, Scenario, ScenarioRow, ScenarioTools } from './scenario.ts'
import type { Families, Topology } from './topology.ts'

export interface ScenarioRunInit {
  topology: (name: string, families?: Families) => Promise<Topology>
  mesh: (topology: Topology) => Promise<LabMesh>
  onRow: (row: ScenarioRow) => void
  say: (text: string) => void
}

/** Scenarios under way at once. */
const atOnce = 2

export async function runScenarios(
  chosen: readonly (readonly [string, Scenario])[],
  init: ScenarioRunInit,
): Promise<ScenarioRow[]> {
  const waiting = [...chosen]
  const rows: ScenarioRow[] = []
  const next = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const row = await confirmed(one[0], one[1], init)
      rows.push(row)
      init.onRow(row)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, next))
  return rows
}

/** A scenario that breaks a promise runs once more, as pairs do: two cores are busy with its processes, and a fault comes twice. */
async function confirmed(name: string, scenario: Scenario, init: ScenarioRunInit): Promise<ScenarioRow> {
  const first = await runScenario(name, scenario, init)
  if (first.ok) return first
  const wrong = (first.wrong ?? []).join('; ')
  init.say(`${name}: ${wrong}; once more`)
  return { ...(await runScenario(name, scenario, init)), again: wrong }
}

async function runScenario(
  name: string,
  { run, families }: Scenario,
  init: ScenarioRunInit,
): Promise<ScenarioRow> {
  const began = performance.now()
  const say = (text: string) => init.say(`${name}: ${text}`)
  const topology = await init.topology(name, families)
  const meshes: LabMesh[] = []
  const startMesh: ScenarioTools['startMesh'] = async () => {
    const mesh = await init.mesh(topology)
    meshes.push(mesh)
    return mesh
  }
  const outcome = await run({ topology, startMesh, say }).catch((error: unknown): Outcome => ({
    figures: {},
    wrong: [error instanceof Error ? error.message : String(error)],
  }))
  const died = meshes.flatMap(mesh => mesh.died.map(process => `${process} died`))
  const unclean = (await Promise.all(meshes.map(mesh => mesh.stop()))).flat()
  await topology.close()
  const wrong = [...outcome.wrong, ...died, ...unclean.map(line => `did not end cleanly: ${line}`)]
  const seconds = Math.round((performance.now() - began) / 1_000)
  return {
    scenario: name,
    ok: wrong.length === 0,
    ...outcome.figures,
    seconds,
    ...(wrong.length > 0 && { wrong }),
  }
}
