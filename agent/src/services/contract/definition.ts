import { MeshError } from '@agent-mesh/protocol'
import { nearestName } from '@agent-mesh/protocol/nearest-name'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { checkNames, namesOf } from '../../core/option-names.ts'
import { checkServeOptions, type ServeOptions } from './concurrency.ts'
import { checkContract, type MethodContracts, type ServiceContract } from './contract.ts'
import type { Handlers } from './typed.ts'

/** A contract with what does its work: what an agent serves, and what modules of `agent-mesh up --serve` export. */
export interface ServiceDefinition<
  Name extends string = string,
  Methods extends MethodContracts = MethodContracts,
> {
  readonly contract: ServiceContract<Name, Methods>
  readonly handlers: Handlers<Methods>
  /** How it is served. */
  readonly options?: ServeOptions
}

/**
 * Joins a contract and its handlers, which take their types from it. `options` says how many calls of a method may run at once.
 * @throws MeshError `invalid_argument` for what is no contract, a method without a handler, and options that there are not
 */
export function implementService<Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  handlers: Handlers<Methods>,
  options: ServeOptions = {},
): ServiceDefinition<Name, Methods> {
  const definition = { contract, handlers, options }
  checkDefinition(definition)
  return definition
}

const definitionHint = 'Write agent.serve(implementService(contract, handlers)).'
const definitionNames = namesOf<ServiceDefinition>({ contract: true, handlers: true, options: true })

/** What a program without types passes to be served. @throws MeshError `invalid_argument` as {@link implementService} */
export function checkDefinition(definition: unknown): asserts definition is ServiceDefinition {
  if (typeof definition !== 'object' || definition === null)
    throw invalidArgument(`serve ${shownValue(definition)}`, 'it is no service', definitionHint)
  if (!('contract' in definition))
    throw new MeshError('invalid_argument', 'Cannot serve an object without a contract', {
      hint: definitionHint,
    })
  const { contract, handlers, options } = definition as Partial<Record<keyof ServiceDefinition, unknown>>
  checkContract(contract)
  const { name, methods } = contract
  checkNames(definition, definitionNames, '', `serve ${name}`)
  checkHandlers(name, methods, handlers)
  checkServeOptions(options, name, methods)
}

function checkHandlers(name: string, methods: MethodContracts, handlers: unknown): void {
  const given = typeof handlers === 'object' && handlers !== null ? handlers : {}
  const missing = Object.keys(methods).find(key => typeof handlerOf(given, key) !== 'function')
  if (missing === undefined) return
  const found = handlerOf(given, missing)
  const others = Object.keys(given).filter(key => !Object.hasOwn(methods, key))
  const nearest = nearestName(missing, others)
  throw invalidArgument(
    `serve ${name}`,
    found === undefined
      ? `method '${missing}' has no handler`
      : `the handler of method '${missing}' is ${shownValue(found)}, no function`,
    nearest === undefined
      ? `Give implementService() an object of functions: { ${missing}: params => result }.`
      : `There is a handler '${nearest}': is that the one?`,
  )
}

const handlerOf = (handlers: object, key: string): unknown =>
  Object.hasOwn(handlers, key) ? (handlers as Record<string, unknown>)[key] : undefined
