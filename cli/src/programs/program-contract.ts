/** The contract of a service whose program describes its methods in JSON. */
import type { MethodContract, MethodContracts, ServiceContract } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { ProgramMethod } from '@agent-mesh/protocol/local-programs'

import { toolServices } from '../gateway/method-target.ts'

type Schema = MethodContract['params']

/** Takes every value: the program checks what it gets. Callers see the JSON Schema. */
function describedBy(jsonSchema: Record<string, unknown> = {}): Schema {
  const described = () => jsonSchema
  const standard = {
    version: 1 as const,
    vendor: 'agent-mesh',
    validate: (value: unknown) => ({ value }),
    jsonSchema: { input: described, output: described },
  }
  return { '~standard': standard }
}

/** @param service `math@2` @param methods with different names @throws MeshError invalid_argument for a name of an MCP server */
export function contractOf(service: string, methods: readonly ProgramMethod[]): ServiceContract {
  const [name = '', version = ''] = service.split('@')
  if (name.startsWith(toolServices))
    throw new MeshError(
      'invalid_argument',
      `Cannot serve ${service}: names that begin with ${toolServices} belong to MCP servers`,
    )
  const contracts: MethodContracts = Object.fromEntries(
    methods.map(method => [method.name, methodContract(method)]),
  )
  return { name, version: Number(version), methods: contracts }
}

function methodContract(method: ProgramMethod): MethodContract {
  const { params, result, takes, yields, errors, about, effects, idempotent, timeoutMs } = method
  return {
    params: describedBy(params),
    result: describedBy(result),
    ...(takes !== undefined && { takes: describedBy(takes) }),
    ...(yields !== undefined && { yields: describedBy(yields) }),
    ...(errors !== undefined && {
      errors: Object.fromEntries(
        Object.entries(errors).map(([name, details]) => [name, describedBy(details)]),
      ),
    }),
    ...(about !== undefined && { about }),
    ...(effects !== undefined && { effects }),
    ...(idempotent !== undefined && { idempotent }),
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
  }
}
