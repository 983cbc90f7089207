import { MeshError, serviceNameField } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What a method takes and gives. Schemas of any library that speaks Standard Schema (zod, valibot, arktype, ...). */
export interface MethodContract<
  Params extends StandardSchemaV1 = StandardSchemaV1,
  Result extends StandardSchemaV1 = StandardSchemaV1,
> {
  readonly params: Params
  readonly result: Result
  /** Running it twice does no harm: a call may be repeated after its link broke. @default false */
  readonly idempotent?: boolean
  /** ms that a call gets unless its caller says otherwise. @default 30,000 */
  readonly timeout?: number
  /** What it does, one sentence for people. */
  readonly about?: string
}

export type MethodContracts = Readonly<Record<string, MethodContract>>

/** A service as both sides know it: `math@2` with its methods `math.add`, ... */
export interface ServiceContract<
  Name extends string = string,
  Methods extends MethodContracts = MethodContracts,
> {
  readonly name: Name
  /** From 1; a change that breaks callers takes the next number. */
  readonly version: number
  readonly methods: Methods
}

const methodName = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/
const maxVersion = 999_999

/**
 * States a service for those who serve it and those who call it, types included.
 * @throws MeshError `invalid_argument` for a name or version that no record can carry
 */
export function defineService<const Name extends string, const Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
): ServiceContract<Name, Methods> {
  const { name, version, methods } = contract
  const refuse = (reason: string): never => {
    throw new MeshError('invalid_argument', `Cannot define service '${name}': ${reason}`)
  }
  if (!serviceNameField.safeParse(name).success) refuse('its name is not lower-case words joined by dots')
  if (!Number.isInteger(version) || version < 1 || version > maxVersion)
    refuse(`its version is ${version}, not 1 to ${maxVersion}`)
  for (const [method, { timeout }] of Object.entries(methods)) {
    if (!methodName.test(method)) refuse(`its method '${method}' is not a word of letters, digits, _ and -`)
    if (timeout !== undefined) checkDuration(timeout, `define service '${name}'`, `timeout of ${method}`, 1)
  }
  return contract
}

/** `math@2` */
export const serviceRef = ({ name, version }: Pick<ServiceContract, 'name' | 'version'>): string =>
  `${name}@${version}`

/** A method as it stands in a request: `math.add` or `math@2.add`. */
export interface MethodRef {
  /** `math` */
  readonly service: string
  /** `math.add`, without version: what policy, metrics and people call it. */
  readonly method: string
}

/** Reads a method name from outside; undefined when it is none. */
export function parseMethod(name: string): MethodRef | undefined {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || dot === name.length - 1) return undefined
  const ref = name.slice(0, dot)
  const at = ref.indexOf('@')
  const service = at < 0 ? ref : ref.slice(0, at)
  return { service, method: `${service}${name.slice(dot)}` }
}
