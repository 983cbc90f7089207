import { serviceNameField } from '@agent-mesh/protocol'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { namesOf, unknownName } from '../../core/option-names.ts'
import { checkVersion } from './contract-version.ts'
import { checkMethod, type MethodContract } from './method-contract.ts'
import type { SendableMethods } from './sendable.ts'

export {
  isIdempotent,
  isStreamed,
  type CacheRules,
  type Effects,
  type MethodContract,
} from './method-contract.ts'

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
const contractWords = namesOf<ServiceContract>({ name: true, version: true, methods: true })

/**
 * States a service for those who serve it and those who call it, types included. What the wire cannot carry does not compile.
 * @throws MeshError `invalid_argument` for a name or version that no record can carry, for a method without schemas, and
 * for words that there are not
 */
export function defineService<const Name extends string, const Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods> & { readonly methods: SendableMethods<Methods> },
): ServiceContract<Name, Methods> {
  checkContract(contract)
  return contract
}

/**
 * What a program without types passes as a contract.
 * @throws MeshError `invalid_argument` naming the method, and what to write, as {@link defineService}
 */
export function checkContract(contract: unknown): asserts contract is ServiceContract {
  if (typeof contract !== 'object' || contract === null)
    throw invalidArgument(
      'define a service',
      `its contract is ${shownValue(contract)}`,
      'Write defineService({ name, version, methods }).',
    )
  const { name, version, methods } = contract as Record<keyof ServiceContract, unknown>
  const action = `define service ${shownValue(name)}`
  const unknown = unknownName(contract, contractWords, '', 'words')
  if (unknown !== undefined)
    throw invalidArgument(action, `it has the unknown word '${unknown.name}'`, unknown.hint)
  if (!serviceNameField.safeParse(name).success)
    throw invalidArgument(action, 'its name is not lower-case words joined by dots')
  checkVersion(version, action)
  if (typeof methods !== 'object' || methods === null)
    throw invalidArgument(
      action,
      `its methods are ${shownValue(methods)}`,
      'Write methods: { add: { params, result } }.',
    )
  for (const [key, method] of Object.entries(methods)) {
    if (!methodName.test(key))
      throw invalidArgument(action, `its method '${key}' is not a word of letters, digits, _ and -`)
    checkMethod(method, key, action)
  }
}

/** The `contracts` of a program. @throws MeshError `invalid_argument` for what is no list of contracts */
export function checkContracts(contracts: unknown, action: string): void {
  if (contracts === undefined) return
  if (!Array.isArray(contracts))
    throw invalidArgument(
      action,
      `contracts is ${shownValue(contracts)}`,
      'Write contracts: [math], a list of what defineService() gives.',
    )
  contracts.forEach(checkContract)
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
