import type { LabMesh } from './mesh.ts'
import type { Topology } from './topology.ts'

export interface ScenarioRow {
  scenario: string
  ok: boolean
  [figure: string]: unknown
}

export interface ScenarioTools {
  topology: Topology
  startMesh(options?: { family?: 'ip4' | 'ip6' }): Promise<LabMesh>
  say: (text: string) => void
}

/** A fault while calls run. @returns figures; `ok` is missing: it throws what is wrong */
export type Scenario = (tools: ScenarioTools) => Promise<Record<string, unknown>>
