import type { MethodContracts, ServiceContract } from './contract.ts'
import type { Handlers } from './typed.ts'

/** A contract with what does its work: what an agent serves, and what modules of `agent-mesh up --serve` export. */
export interface ServiceDefinition<
  Name extends string = string,
  Methods extends MethodContracts = MethodContracts,
> {
  readonly contract: ServiceContract<Name, Methods>
  readonly handlers: Handlers<Methods>
}

/** Joins a contract and its handlers, which take their types from it. */
export const implementService = <Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  handlers: Handlers<Methods>,
): ServiceDefinition<Name, Methods> => ({ contract, handlers })
