/** What a member says of its services: `host.describe`. */
import type { Subject } from '@agent-mesh/protocol'
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { toJSONSchema, type $ZodType } from 'zod/v4/core'
import { isIdempotent, serviceRef, type MethodContract, type ServiceContract } from '../contract/contract.ts'
import type { DescribedService } from '../contract/host-service.ts'
import type { ServedMethod, ServiceRegistry } from './service-registry.ts'

/** Characters of the JSON Schema of one method; a larger one is left out, so that an answer fits its frame. */
const schemaChars = 4_096

export interface DescribeInit {
  readonly registry: Pick<ServiceRegistry, 'contracts' | 'find'>
  /** Whether `from` may call a method: those that it may not call are left out. */
  readonly allows: (from: Subject, served: Pick<ServedMethod, 'target' | 'allow'>) => boolean
  /** Called once for each schema without a JSON Schema: it is described as any value. @default ignored */
  readonly onUntold?: (what: string, reason: unknown) => void
}

/** @returns the services with a method that `caller` may call; of `only` (`math` or `math@2`) when that is given */
export function describeServices({ registry, allows, onUntold = () => {} }: DescribeInit) {
  /** Made once of each method. */
  const views = new WeakMap<MethodContract, MethodView>()
  const viewOf = (ref: string) => (name: string, method: MethodContract) => {
    const known =
      views.get(method) ?? methodView(name, method, (what, schema) => orAny(schema, `the ${what} of ${ref}`))
    views.set(method, known)
    return known
  }
  const orAny = (schema: StandardSchemaV1, what: string): JsonSchema => {
    try {
      return isNoValue(schema) ? {} : jsonSchema(schema)
    } catch (error) {
      if (isOfBytes(schema)) return { contentMediaType: 'application/octet-stream' }
      onUntold(what, error)
      return {}
    }
  }
  return (caller: Subject, only?: string): DescribedService[] =>
    registry.contracts
      .filter(contract => only === undefined || only === contract.name || only === serviceRef(contract))
      .map(contract => {
        const isAllowed = (method: string) => {
          const served = registry.find(`${serviceRef(contract)}.${method}`)
          return served !== undefined && allows(caller, served)
        }
        return described(contract, isAllowed, viewOf(serviceRef(contract)))
      })
      .filter(({ methods }) => methods.length > 0)
      .sort((a, b) => (a.service < b.service ? -1 : 1))
}

function described(
  contract: ServiceContract,
  isAllowed: (method: string) => boolean,
  view: (name: string, method: MethodContract) => MethodView,
): DescribedService {
  const methods = Object.entries(contract.methods).filter(([name]) => isAllowed(name))
  return { service: serviceRef(contract), methods: methods.map(([name, method]) => view(name, method)) }
}

type MethodView = DescribedService['methods'][number]

/** Schemas of a contract, each of what the wire carries. */
const parts = ['params', 'result', 'takes', 'yields'] as const

function methodView(
  name: string,
  method: MethodContract,
  schema: (of: string, what: StandardSchemaV1) => JsonSchema,
): MethodView {
  const { about, effects, timeout, errors } = method
  const schemas: { readonly [Part in (typeof parts)[number]]?: StandardSchemaV1 } = method
  const told = parts.flatMap(part => {
    const known = schemas[part]
    return known === undefined ? [] : [[part, schema(`${part} of ${name}`, known)]]
  })
  const failures = Object.entries(errors ?? {}).map(([error, details]) => [
    error,
    schema(`error ${error} of ${name}`, details),
  ])
  return {
    name,
    ...(about !== undefined && { about }),
    ...(effects !== undefined && { effects }),
    ...(isIdempotent(method) && { idempotent: true }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(Object.fromEntries(told) as Partial<Record<(typeof parts)[number], JsonSchema>>),
    ...(errors !== undefined && { errors: Object.fromEntries(failures) as Record<string, JsonSchema> }),
  }
}

type JsonSchema = Record<string, unknown>

/**
 * Of libraries that convert to JSON Schema (Standard JSON Schema, Zod Mini), and of schemas that it can express. The wire carries the
 * input of a schema: its output stays with the reader.
 * @throws Error when there is none
 */
function jsonSchema(schema: StandardSchemaV1): JsonSchema {
  const { jsonSchema: converter, vendor } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>
  const told =
    converter?.input({ target: 'draft-2020-12' }) ??
    (isZod(schema) ? { ...toJSONSchema(schema, { io: 'input' }) } : undefined)
  if (told === undefined) throw new Error(`schemas of ${vendor} tell no JSON Schema`)
  const chars = JSON.stringify(told).length
  if (chars > schemaChars) throw new Error(`it is ${chars} characters, the limit is ${schemaChars}`)
  return told
}

/** Raw bytes, which JSON Schema has no type for: `z.instanceof(Uint8Array)` of any library. */
function isOfBytes(schema: StandardSchemaV1): boolean {
  const takes = (value: unknown) => {
    try {
      const result = schema['~standard'].validate(value)
      if (!(result instanceof Promise)) return result.issues === undefined
      // Not waited for: what it rejects with must not end the process.
      result.catch(() => undefined)
      return false
    } catch {
      // A check of the program that expects other values.
      return false
    }
  }
  return takes(new Uint8Array()) && !takes({})
}

/** No value, which JSON Schema has no word for: nothing that the log needs to say. */
function isNoValue(schema: StandardSchemaV1): boolean {
  if (!isZod(schema)) return false
  const { type } = schema._zod.def
  return type === 'undefined' || type === 'void'
}

/** Zod Mini, in which the contracts of this project are written, has no converter of its own. */
const isZod = (schema: StandardSchemaV1): schema is StandardSchemaV1 & $ZodType => '_zod' in schema
