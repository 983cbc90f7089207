/** What a member says of its services: `host.describe`. */
import type { Subject } from '@agent-mesh/protocol'
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { toJSONSchema, type $ZodType } from 'zod/v4/core'
import { serviceRef, type MethodContract, type ServiceContract } from '../contract/contract.ts'
import type { DescribedService } from '../contract/host-service.ts'
import type { ServiceRegistry } from './service-registry.ts'

/** Characters of the JSON Schema of one method; a larger one stays at home, so that an answer fits its frame. */
const schemaChars = 4_096

export interface DescribeInit {
  readonly registry: Pick<ServiceRegistry, 'contracts'>
  /** Whether `from` may call a target like `service:math.add`: what it may not call it is not told of. */
  readonly allows: (from: Subject, target: string) => boolean
}

/** @returns the services with a method that `caller` may call; of `only` (`math` or `math@2`) when that is given */
export function describeServices({ registry, allows }: DescribeInit) {
  return (caller: Subject, only?: string): DescribedService[] =>
    registry.contracts
      .filter(contract => only === undefined || only === contract.name || only === serviceRef(contract))
      .map(contract => described(contract, method => allows(caller, `service:${contract.name}.${method}`)))
      .filter(({ methods }) => methods.length > 0)
      .sort((a, b) => (a.service < b.service ? -1 : 1))
}

function described(contract: ServiceContract, isAllowed: (method: string) => boolean): DescribedService {
  const methods = Object.entries(contract.methods).filter(([name]) => isAllowed(name))
  return { service: serviceRef(contract), methods: methods.map(([name, method]) => methodView(name, method)) }
}

function methodView(name: string, { about, idempotent, timeout, params, result }: MethodContract) {
  const [input, output] = [jsonSchema(params, 'input'), jsonSchema(result, 'output')]
  return {
    name,
    ...(about !== undefined && { about }),
    ...(idempotent !== undefined && { idempotent }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(input !== undefined && { params: input }),
    ...(output !== undefined && { result: output }),
  }
}

/** Of libraries that can tell (Standard JSON Schema, Zod Mini), and of schemas that JSON Schema can express. */
function jsonSchema(schema: StandardSchemaV1, side: 'input' | 'output'): Record<string, unknown> | undefined {
  const { jsonSchema: converter } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>
  try {
    const told =
      converter?.[side]({ target: 'draft-2020-12' }) ??
      (isZod(schema) ? { ...toJSONSchema(schema, { io: side }) } : undefined)
    return told !== undefined && JSON.stringify(told).length <= schemaChars ? told : undefined
  } catch {
    return undefined
  }
}

/** Zod Mini, in which the contracts of this project are written, has no converter of its own. */
const isZod = (schema: StandardSchemaV1): schema is StandardSchemaV1 & $ZodType => '_zod' in schema
