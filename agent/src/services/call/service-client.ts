import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  checkContract,
  type MethodContract,
  type MethodContracts,
  type ServiceContract,
} from '../contract/contract.ts'
import type { CallOptions } from './call-options.ts'

type ArgumentsOf<Method extends MethodContract> =
  undefined extends StandardSchemaV1.InferInput<Method['params']>
    ? [params?: StandardSchemaV1.InferInput<Method['params']>, options?: CallOptions]
    : [params: StandardSchemaV1.InferInput<Method['params']>, options?: CallOptions]

/** A service as an object: each method of its contract is a function that calls it wherever it is served. */
export type ServiceClient<Methods extends MethodContracts> = {
  readonly [Key in keyof Methods]: (
    ...args: ArgumentsOf<Methods[Key]>
  ) => Promise<StandardSchemaV1.InferOutput<Methods[Key]['result']>>
}

/**
 * @param call a method by its name in the contract: `add`
 * @throws MeshError `invalid_argument` for a contract that is none
 */
export function serviceClient<Name extends string, Methods extends MethodContracts>(
  contract: ServiceContract<Name, Methods>,
  call: (key: string, params: unknown, options?: CallOptions) => Promise<unknown>,
): ServiceClient<Methods> {
  checkContract(contract)
  const methods = Object.keys(contract.methods).map(key => [
    key,
    (params: unknown, options?: CallOptions) => call(key, params, options),
  ])
  return Object.freeze(Object.fromEntries(methods)) as ServiceClient<Methods>
}
