/** The tools of the mesh, as one caller may use them. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'

import { fieldForms } from '@agent-mesh/protocol/field-forms'

import { mcpDefaults } from './mcp-defaults.ts'
import { methodTool, type DescribedMethod, type MethodTool } from './method-tool.ts'
import type { ToolMesh } from './tool-mesh.ts'

export type Tools = ReadonlyMap<string, MethodTool>

export class ToolCatalogue {
  readonly #mesh: Pick<ToolMesh, 'describe'>
  readonly #now: () => number
  #known: { tools: Tools; at: number } | undefined

  /** @param now monotonic ms */
  constructor(mesh: Pick<ToolMesh, 'describe'>, now: () => number = () => performance.now()) {
    this.#mesh = mesh
    this.#now = now
  }

  /** Asks the members; by name, in order. @throws MeshError */
  async list(signal: AbortSignal): Promise<Tools> {
    const tools = toolsOf(await this.#mesh.describe(signal))
    this.#known = { tools, at: this.#now() }
    return tools
  }

  /** What was just listed, or a new list. @throws MeshError */
  async find(name: string, signal: AbortSignal): Promise<MethodTool | undefined> {
    const known = this.#known
    const found =
      known !== undefined && this.#now() - known.at <= mcpDefaults.knownMs ? known.tools.get(name) : undefined
    return found ?? (await this.list(signal)).get(name)
  }
}

/** Asking what there is to call is what the list itself does. */
const leftOut = 'service:host.describe'

/** What another member describes as no method is described is left out, and takes no other tool with it. */
function fitTool(service: string, described: DescribedMethod): MethodTool | undefined {
  if (!fieldForms.method.pattern.test(`${service}.${described.name}`)) return undefined
  try {
    return methodTool(service, described)
  } catch {
    return undefined
  }
}

/** Of each service the newest version. */
function toolsOf(services: readonly DescribedService[]): Tools {
  const newest = new Map<string, { version: number; service: DescribedService }>()
  for (const service of services) {
    const at = service.service.lastIndexOf('@')
    const [name, version] = [service.service.slice(0, at), Number(service.service.slice(at + 1))]
    if (version > (newest.get(name)?.version ?? 0)) newest.set(name, { version, service })
  }
  const tools = [...newest.values()]
    .flatMap(({ service: { service, methods } }) => methods.flatMap(each => fitTool(service, each) ?? []))
    .filter(({ to }) => to !== leftOut)
    .sort((a, b) => (a.tool.name < b.tool.name ? -1 : 1))
  return new Map(tools.map(each => [each.tool.name, each]))
}
