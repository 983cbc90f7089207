import type { ServeOptions } from './concurrency.ts'
import type { MethodContracts, ServiceContract } from './contract.ts'
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

/** Joins a contract and its handlers, which take their types from it. `options` says how many calls of a method may run at once. */
export const implementService = <Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  handlers: Handlers<Methods>,
  options: ServeOptions = {},
): ServiceDefinition<Name, Methods> => ({ contract, handlers, options })
